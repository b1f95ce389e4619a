//! What a component was made with, by its own word: the `producers` sections of the component and its modules, and the
//! names of modules that toolchains link in.

use std::collections::BTreeMap;

use wasmparser::{ComponentName, CustomSectionReader, KnownCustom, Name, Payload, ProducersSectionReader};

use super::walk::Place;
use super::{MAX_ENTRIES, cut};

/// The most bytes of a tool's name, and of its version.
const MAX_TEXT_BYTES: usize = 100;

/// The most tools that are told, and the most that a part has.
const MAX_TOOLS: usize = 20;

/// What `wit-component` calls modules that it puts in itself. Who made the adapter for WASI's first preview had no part
/// in the scenario.
const LINKED_IN: &str = "wit-component:";

/// Tools that say nothing of themselves, and the modules that they are known by.
const BY_MODULE: [(&str, &str); 2] =
    [("componentize_py_runtime", "componentize-py"), ("componentize_qjs", "componentize-qjs")];

/// Languages that are known by a tool, the most telling first: interpreters of other languages are made with the last one.
const BY_TOOL: [(&str, &str); 6] = [
    ("componentize-py", "Python"),
    ("ComponentizeJS", "JavaScript"),
    ("componentize-qjs", "JavaScript"),
    ("TinyGo", "Go"),
    ("Go cmd/compile", "Go"),
    ("rustc", "Rust"),
];

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The language that the scenario was written in; none where nothing says so.
    pub language: Option<String>,
    /// The tools that had a part in it, that of the language first, each once.
    pub tools: Vec<Tool>,
}

/// A tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version, with all that it says of it; empty where it says nothing.
    pub version: String,
}

/// A component's or a module's own word.
#[derive(Debug, Default)]
struct Part {
    name: Option<String>,
    languages: Vec<String>,
    tools: Vec<Tool>,
}

/// Collects what the parts of a component say.
#[derive(Debug, Default)]
pub(super) struct Reader {
    outermost: Part,
    /// Modules, in the order of their beginnings.
    modules: Vec<Part>,
    /// The place in that list of the module that is being read, if it is in there.
    open: Option<usize>,
    /// Places of modules in that list, by their numbers in the outermost component.
    numbers: Vec<usize>,
    /// What the outermost component calls its modules.
    names: BTreeMap<u32, String>,
}

impl Reader {
    /// Looks at one part. Sections of names and tools say nothing about what runs, so what is wrong with them is passed
    /// over.
    pub(super) fn add(&mut self, place: Place, payload: &Payload<'_>) {
        match payload {
            Payload::ModuleSection { .. } => {
                self.open = (self.modules.len() < MAX_ENTRIES).then_some(self.modules.len());
                if let Some(number) = self.open {
                    self.modules.push(Part::default());
                    if place.is_outermost() {
                        self.numbers.push(number);
                    }
                }
            }
            // In a module there is no other, nor a component.
            Payload::End(_) => self.open = None,
            Payload::CustomSection(section) => self.custom(place, section),
            _ => {}
        }
    }

    fn custom(&mut self, place: Place, section: &CustomSectionReader<'_>) {
        let part = match self.open {
            Some(number) => self.modules.get_mut(number),
            None => place.is_outermost().then_some(&mut self.outermost),
        };
        match (section.name(), part) {
            ("producers" | "name", Some(part)) => match section.as_known() {
                KnownCustom::Producers(producers) => part.producers(producers),
                KnownCustom::Name(names) => {
                    let module = names.into_iter().map_while(Result::ok).find_map(|name| match name {
                        Name::Module { name, .. } => Some(cut(name, MAX_TEXT_BYTES)),
                        _ => None,
                    });
                    part.name = part.name.take().or(module);
                }
                _ => {}
            },
            ("component-name", _) if place.is_outermost() => {
                if let KnownCustom::ComponentName(names) = section.as_known() {
                    self.module_names(names);
                }
            }
            _ => {}
        }
    }

    fn module_names(&mut self, sections: wasmparser::ComponentNameSectionReader<'_>) {
        for section in sections.into_iter().map_while(Result::ok) {
            let ComponentName::CoreModules(names) = section else { continue };
            let room = MAX_ENTRIES.saturating_sub(self.names.len());
            for naming in names.into_iter().map_while(Result::ok).take(room) {
                self.names.entry(naming.index).or_insert_with(|| cut(naming.name, MAX_TEXT_BYTES));
            }
        }
    }

    pub(super) fn finish(mut self) -> Origin {
        for (number, place) in (0..).zip(&self.numbers) {
            if let (Some(part), Some(name)) = (self.modules.get_mut(*place), self.names.remove(&number)) {
                part.name = Some(name);
            }
        }
        self.modules.retain(|part| !part.name.as_ref().is_some_and(|name| name.starts_with(LINKED_IN)));
        let of_modules = self.modules.iter().flat_map(|part| &part.tools);
        let mut tools = distinct(self.linked().iter().chain(&self.outermost.tools).chain(of_modules));
        let known = BY_TOOL
            .iter()
            .find_map(|&(tool, language)| Some((tools.iter().position(|other| other.name == tool)?, language)));
        if let Some((place, _)) = known {
            tools[..=place].rotate_right(1);
        }
        let language = declared(&self.outermost)
            .or(known.map(|(_, language)| language))
            .or_else(|| self.modules.iter().find_map(declared))
            .or_else(|| tools.iter().any(|tool| tool.name == "clang").then_some("C or C++"));
        Origin { language: language.map(str::to_owned), tools }
    }

    /// Tools that are known by what they link in.
    fn linked(&self) -> Vec<Tool> {
        let mut tools = Vec::new();
        let names = || self.modules.iter().filter_map(|part| part.name.as_deref());
        for (module, tool) in BY_MODULE {
            if names().any(|name| name.contains(module)) {
                tools.push(Tool { name: tool.to_owned(), version: String::new() });
            }
        }
        // As in libpython3.14.so.
        let python = names().find_map(|name| name.strip_prefix("libpython")?.strip_suffix(".so"));
        tools.extend(python.map(|version| Tool { name: "CPython".to_owned(), version: version.to_owned() }));
        tools
    }
}

impl Part {
    fn producers(&mut self, fields: ProducersSectionReader<'_>) {
        for field in fields.into_iter().map_while(Result::ok) {
            for value in field.values.into_iter().map_while(Result::ok).take(MAX_TOOLS) {
                let (name, version) = (cut(value.name, MAX_TEXT_BYTES), cut(value.version, MAX_TEXT_BYTES));
                match field.name {
                    "language" if self.languages.len() < MAX_TOOLS => self.languages.push(name),
                    "processed-by" | "sdk" if self.tools.len() < MAX_TOOLS => self.tools.push(Tool { name, version }),
                    _ => {}
                }
            }
        }
    }
}

/// The tools without those of a name that came before, as many as are told.
fn distinct<'a>(tools: impl Iterator<Item = &'a Tool>) -> Vec<Tool> {
    let mut distinct: Vec<Tool> = Vec::new();
    for tool in tools {
        if distinct.len() < MAX_TOOLS && distinct.iter().all(|other| other.name != tool.name) {
            distinct.push(tool.clone());
        }
    }
    distinct
}

/// The language that a part says it was written in, as it is usually called: LLVM names C's standard too.
fn declared(part: &Part) -> Option<&str> {
    Some(match part.languages.first()?.as_str() {
        language if language.starts_with("C_plus_plus") => "C++",
        "C89" | "C99" | "C11" | "C17" | "C23" => "C",
        language => language,
    })
}
