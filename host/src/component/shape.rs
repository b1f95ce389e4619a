//! A component's outside: its imports and exports by interface, and how many memories, tables and instances one virtual
//! user takes.

use wasmparser::{ComponentExternalKind, Payload};

use super::instances::Instances;
use super::walk::{Place, walk};
use super::{ComponentError, Names};

/// The most of each that one virtual user's instance may have.
const MAX_MEMORIES: u32 = 100;
const MAX_TABLES: u32 = 100;
const MAX_INSTANCES: u32 = 1_000;

/// What an element of a table takes, in bytes.
const ELEMENT_BYTES: u64 = 8;

/// The unit of a memory's size.
const WASM_PAGE_BYTES: u64 = 64 << 10;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Names of the component's imports, for example `wasi:clocks/wall-clock@0.2.6`.
    pub imports: Names,
    /// Names of its exported interfaces.
    pub exports: Names,
    /// Names of what else it exports, for example functions; nothing of it is called.
    pub other_exports: Names,
    /// Linear memories of one instance.
    pub memories: u32,
    /// Bytes that its memories start with together.
    pub memory_bytes: u64,
    /// Tables of one instance.
    pub tables: u32,
    /// Elements that the largest table starts with.
    pub table_elements: u64,
    /// Elements that all tables start with.
    pub all_elements: u64,
    /// Core instances in one component instance.
    pub core_instances: u32,
    /// Instances of modules and components in one component instance, those of nested components multiplied: at the most
    /// so many.
    pub instances: u64,
}

impl Shape {
    /// Reads a component's outside.
    ///
    /// # Errors
    /// Bytes that are not a well-formed component.
    pub fn read(bytes: &[u8]) -> Result<Shape, ComponentError> {
        let mut shape = Shape::default();
        let mut instances = Instances::default();
        walk(bytes, |place, payload| {
            instances.add(payload)?;
            shape.add(place, payload)
        })?;
        shape.instances = instances.count();
        Ok(shape)
    }

    pub(super) fn add(&mut self, place: Place, payload: &Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    let bytes = memory?.initial.saturating_mul(WASM_PAGE_BYTES);
                    self.memories = self.memories.saturating_add(1);
                    self.memory_bytes = self.memory_bytes.saturating_add(bytes);
                }
            }
            Payload::TableSection(section) => {
                for table in section.clone() {
                    let initial = table?.ty.initial;
                    self.table_elements = self.table_elements.max(initial);
                    self.all_elements = self.all_elements.saturating_add(initial);
                    self.tables = self.tables.saturating_add(1);
                }
            }
            // Counted one by one: the number that a section begins with may be anything.
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    instance?;
                    self.core_instances = self.core_instances.saturating_add(1);
                }
            }
            Payload::ComponentImportSection(section) if place.is_outermost() => {
                for import in section.clone() {
                    self.imports.push(import?.name.name);
                }
            }
            Payload::ComponentExportSection(section) if place.is_outermost() => {
                for export in section.clone() {
                    let export = export?;
                    let is_interface = export.kind == ComponentExternalKind::Instance;
                    let names = if is_interface { &mut self.exports } else { &mut self.other_exports };
                    names.push(export.name.name);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the component needs wasmtime's support for async functions: it imports or exports some, or WASI 0.3.
    pub fn is_async(&self) -> bool {
        let contract = |name: &String| name.starts_with("wasmload:scenario/async-");
        let wasi_3 = |name: &String| name.starts_with("wasi:") && name.contains("@0.3.");
        let (imports, exports) = (&self.imports.kept, &self.exports.kept);
        imports.iter().chain(exports).any(contract) || imports.iter().any(wasi_3)
    }

    /// Whether the component imports an interface of that package of WASI 0.3.
    pub fn imports_wasi_p3(&self, package: &str) -> bool {
        let prefix = format!("wasi:{package}/");
        self.imports.kept.iter().any(|name| name.starts_with(&prefix) && name.contains("@0.3."))
    }

    /// Refuses a component that imports WASI 0.3, for where that is switched off.
    ///
    /// # Errors
    /// The import.
    pub fn check_no_wasi_p3(&self) -> Result<(), ComponentError> {
        let is_p3 = |name: &&String| name.starts_with("wasi:") && name.contains("@0.3.");
        match self.imports.kept.iter().find(is_p3) {
            Some(name) => Err(ComponentError::Imports(format!(
                "`{name}`: WASI 0.3 is switched off by --no-wasi-p3; build against WASI 0.2"
            ))),
            None => Ok(()),
        }
    }

    /// Refuses a component of more parts than any toolchain makes: for each there is room in every virtual user.
    ///
    /// # Errors
    /// What there is too much of.
    pub fn check_size(&self) -> Result<(), ComponentError> {
        let parts = [
            ("memories", self.memories.into(), MAX_MEMORIES),
            ("tables", self.tables.into(), MAX_TABLES),
            ("instances", self.instances, MAX_INSTANCES),
        ];
        match parts.into_iter().find(|(_, count, most)| *count > u64::from(*most)) {
            Some((what, count, most)) => Err(ComponentError::TooManyParts { what, count, most }),
            None => Ok(()),
        }
    }

    /// Refuses a component whose memory starts larger than a virtual user may have.
    ///
    /// # Errors
    /// What it starts with, and the bound.
    pub fn check_memory(&self, limit_bytes: usize) -> Result<(), ComponentError> {
        let tables = self.all_elements.saturating_mul(ELEMENT_BYTES);
        let starts_with_bytes = self.memory_bytes.saturating_add(tables);
        if starts_with_bytes > limit_bytes as u64 {
            return Err(ComponentError::Memory { starts_with_bytes, limit_bytes });
        }
        Ok(())
    }
}
