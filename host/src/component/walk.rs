//! The way through a component: each section of it, and of what is nested in it, in the order of the bytes.

use wasmparser::{Parser, Payload};

use super::ComponentError;

/// Where a section stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// How many components and modules are around it, the outermost component not among them.
    depth: u32,
}

impl Place {
    /// Whether it is the outermost component's own.
    pub(super) fn is_outermost(self) -> bool {
        self.depth == 0
    }
}

/// Shows each part of a component. The beginning of a nested one is shown where it stands, its end as a part of it.
///
/// # Errors
/// Bytes that are not a well-formed component, and what `see` says.
pub(super) fn walk<'a>(
    bytes: &'a [u8],
    mut see: impl FnMut(Place, &Payload<'a>) -> wasmparser::Result<()>,
) -> Result<(), ComponentError> {
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        see(Place { depth }, &payload)?;
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}
