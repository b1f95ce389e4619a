//! What fuzzing does with bytes that may be a component: reading them ends, keeps within its bounds, and what
//! comes of all of them comes of their outside alone.

use super::{Component, MAX_ENTRIES, MAX_NAME_BYTES, Names, Shape};

/// Reads a component.
///
/// # Panics
/// Where a law is broken.
pub(crate) fn check(input: &[u8]) {
    let (component, shape) = (Component::read(input), Shape::read(input));
    // All of it is more than its outside, and may be wrong where that is in order.
    let Ok(component) = component else { return };
    assert_eq!(Ok(&component.shape), shape.as_ref());
    let Shape { imports, exports, other_exports, .. } = &component.shape;
    [imports, exports, other_exports].into_iter().for_each(check_names);
    // An error or not, it is told in so many words.
    let told = [
        component.shape.check_imports().err(),
        component.shape.check_size().err(),
        component.shape.check_no_wasi_p3().err(),
        component.shape.check_memory(1 << 20).err(),
        component.shape.entry().err(),
    ];
    let longest = told.into_iter().flatten().map(|error| error.to_string().len()).max();
    assert!(longest.unwrap_or(0) < 64 << 10, "{longest:?}");
}

fn check_names(names: &Names) {
    assert!(names.kept.len() <= MAX_ENTRIES && (names.more == 0 || names.kept.len() == MAX_ENTRIES));
    // With the mark of what was cut.
    assert!(names.kept.iter().all(|name| name.len() <= MAX_NAME_BYTES + 3));
}
