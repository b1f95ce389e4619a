//! What a component's outside says, read before it is compiled: its imports and exports by interface, and how many
//! memories, tables and instances one virtual user takes.

use wasmparser::{ComponentExternalKind, Parser, Payload};

use super::LoadError;

/// The version of the contract that this host speaks; other patch versions fit too.
const CONTRACT: &str = "wasmload:scenario/";

/// The most of each that one virtual user's instance may have.
const MAX_MEMORIES: u32 = 100;
const MAX_TABLES: u32 = 100;
const MAX_CORE_INSTANCES: u32 = 1_000;

/// The unit of a memory's size.
const WASM_PAGE_BYTES: u64 = 64 << 10;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shape {
    /// Names of the component's imports, for example `wasi:clocks/wall-clock@0.2.6`.
    pub(super) imports: Vec<String>,
    /// Names of its exported interfaces.
    pub(super) exports: Vec<String>,
    /// Linear memories of one instance.
    pub(super) memories: u32,
    /// Bytes that its memories start with together.
    pub(super) memory_bytes: u64,
    /// Tables of one instance.
    pub(super) tables: u32,
    /// Elements that the largest table starts with.
    pub(super) table_elements: u64,
    /// Core instances in one component instance.
    pub(super) core_instances: u32,
}

/// Interfaces that the host offers, without their versions; of WASI, up to these minor versions.
const OFFERED: [&str; 8] = [
    "wasmload:scenario/",
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
    // The root-level types that some toolchains import for the interfaces above.
    "wasi:cli-",
];

impl Shape {
    /// Reads a component's outside.
    ///
    /// # Errors
    /// Bytes that are not a well-formed component.
    pub(super) fn read(bytes: &[u8]) -> Result<Shape, LoadError> {
        let mut shape = Shape::default();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(|error| LoadError::Malformed(error.to_string()))?;
            match &payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                _ => {}
            }
            shape.add(&payload, depth == 0).map_err(|error| LoadError::Malformed(error.to_string()))?;
        }
        Ok(shape)
    }

    fn add(&mut self, payload: &Payload<'_>, outermost: bool) -> wasmparser::Result<()> {
        match payload {
            Payload::MemorySection(section) => {
                self.memories = self.memories.saturating_add(section.count());
                for memory in section.clone() {
                    let bytes = memory?.initial.saturating_mul(WASM_PAGE_BYTES);
                    self.memory_bytes = self.memory_bytes.saturating_add(bytes);
                }
            }
            Payload::TableSection(section) => {
                self.tables = self.tables.saturating_add(section.count());
                for table in section.clone() {
                    self.table_elements = self.table_elements.max(table?.ty.initial);
                }
            }
            Payload::InstanceSection(section) => {
                self.core_instances = self.core_instances.saturating_add(section.count())
            }
            Payload::ComponentImportSection(section) if outermost => {
                for import in section.clone() {
                    self.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if outermost => {
                for export in section.clone() {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Instance {
                        self.exports.push(export.name.name.to_owned());
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The full name of the export of the contract's interface of that name, for example `iteration`.
    pub(super) fn contract_export(&self, interface: &str) -> Option<&str> {
        let prefix = format!("{CONTRACT}{interface}@0.1.");
        self.exports.iter().map(String::as_str).find(|name| name.starts_with(&prefix))
    }

    /// Whether the component needs wasmtime's support for async functions: it imports or exports some, or WASI 0.3.
    pub(super) fn is_async(&self) -> bool {
        let contract = |name: &String| name.starts_with("wasmload:scenario/async-");
        let wasi_3 = |name: &String| name.starts_with("wasi:") && name.contains("@0.3.");
        self.imports.iter().chain(&self.exports).any(contract) || self.imports.iter().any(wasi_3)
    }

    /// Whether the component imports an interface of that package of WASI 0.3.
    pub(super) fn imports_wasi_p3(&self, package: &str) -> bool {
        let prefix = format!("wasi:{package}/");
        self.imports.iter().any(|name| name.starts_with(&prefix) && name.contains("@0.3."))
    }

    /// Refuses a component that imports WASI 0.3, where that is switched off.
    ///
    /// # Errors
    /// The import.
    pub(super) fn check_no_wasi_p3(&self) -> Result<(), LoadError> {
        let import = self.imports.iter().find(|name| name.starts_with("wasi:") && name.contains("@0.3."));
        let refused = |name: &String| {
            Err(LoadError::Imports(format!(
                "`{name}`: WASI 0.3 is switched off by --no-wasi-p3; build against WASI 0.2"
            )))
        };
        import.map_or(Ok(()), refused)
    }

    /// Refuses a component of more parts than any toolchain makes: for each there is room in every virtual user.
    ///
    /// # Errors
    /// What there is too much of.
    pub(super) fn check_size(&self) -> Result<(), LoadError> {
        let parts = [
            ("memories", self.memories, MAX_MEMORIES),
            ("tables", self.tables, MAX_TABLES),
            ("instances of core modules", self.core_instances, MAX_CORE_INSTANCES),
        ];
        match parts.into_iter().find(|(_, count, most)| count > most) {
            Some((what, count, most)) => Err(LoadError::TooManyParts { what, count, most }),
            None => Ok(()),
        }
    }

    /// Refuses a component whose memory starts larger than a virtual user may have.
    ///
    /// # Errors
    /// What it starts with, and the bound.
    pub(super) fn check_memory(&self, limit_bytes: usize) -> Result<(), LoadError> {
        if self.memory_bytes > limit_bytes as u64 {
            return Err(LoadError::Memory { starts_with_bytes: self.memory_bytes, limit_bytes });
        }
        Ok(())
    }

    /// Refuses a component that imports what the host does not offer.
    ///
    /// # Errors
    /// The imports that are not offered, and what to do about each.
    pub(super) fn check_imports(&self) -> Result<(), LoadError> {
        let mut refused = Vec::new();
        for import in &self.imports {
            if let Some(advice) = refusal(import) {
                refused.push(format!("`{import}`: {advice}"));
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(LoadError::Imports(refused.join("; "))) }
    }
}

/// Why an import is not offered and what to do about it; none where it is.
fn refusal(import: &str) -> Option<String> {
    if import.starts_with(CONTRACT) {
        let version = import.split_once('@').map_or("", |(_, version)| version);
        return (!version.starts_with("0.1."))
            .then(|| "this host speaks version 0.1 of the contract; build the scenario against that".to_owned());
    }
    if import.starts_with("wasi:http/") {
        return Some("outgoing wasi:http is not offered; make requests through wasmload:scenario/http".to_owned());
    }
    if !OFFERED.iter().any(|offered| import.starts_with(offered)) {
        return Some(
            "nothing of that name is offered; a scenario may import wasmload:scenario and WASI's cli, clocks, io and \
             random; build it without this import"
                .to_owned(),
        );
    }
    let version = import.split_once('@').map_or("", |(_, version)| version);
    let known = version.starts_with("0.2.") || version.starts_with("0.3.");
    (!known).then(|| "WASI is offered in the versions 0.2 (up to 0.2.12) and 0.3; build against one of them".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(imports: &[&str], exports: &[&str]) -> Shape {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Shape { imports: own(imports), exports: own(exports), ..Shape::default() }
    }

    #[test]
    fn what_is_offered_passes() {
        let imports = ["wasmload:scenario/http@0.1.0", "wasi:io/poll@0.2.12", "wasi:clocks/monotonic-clock@0.3.0"];
        assert!(shape(&imports, &[]).check_imports().is_ok());
    }

    #[test]
    fn what_is_not_offered_is_named_with_what_to_do() {
        let imports = ["evil:corp/secrets@1.0.0", "wasi:http/outgoing-handler@0.2.0", "wasmload:scenario/http@2.0.0"];
        let error = shape(&imports, &[]).check_imports().unwrap_err().to_string();
        for expected in ["`evil:corp/secrets@1.0.0`", "wasmload:scenario/http", "version 0.1"] {
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn exports_are_found_by_interface_in_any_patch_version() {
        let shape = shape(&[], &["other:thing/iteration@0.1.0", "wasmload:scenario/iteration@0.1.7"]);
        assert_eq!(shape.contract_export("iteration"), Some("wasmload:scenario/iteration@0.1.7"));
        assert_eq!(shape.contract_export("tasks"), None);
        assert!(!shape.is_async());
    }

    #[test]
    fn async_interfaces_are_noticed() {
        assert!(shape(&["wasmload:scenario/async-http@0.1.0"], &[]).is_async());
        assert!(shape(&["wasi:clocks/monotonic-clock@0.3.0"], &[]).is_async());
        assert!(!shape(&["wasi:clocks/monotonic-clock@0.2.3"], &[]).is_async());
    }

    #[test]
    fn a_memory_must_fit_its_bound() {
        let shape = Shape { memory_bytes: 17 << 16, ..Shape::default() };
        assert!(shape.check_memory(17 << 16).is_ok());
        let error = shape.check_memory(1 << 16).unwrap_err().to_string();
        assert!(error.contains("1.1 MiB") && error.contains("--max-memory"), "{error}");
    }

    #[test]
    fn a_truncated_component_is_malformed() {
        assert!(matches!(Shape::read(b"\0asm\x0d\0\x01\0\x07\x05"), Err(LoadError::Malformed(_))));
    }
}
