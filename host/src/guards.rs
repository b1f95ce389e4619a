//! Whether guests are held to their bounds. They are, in every build but the one that `cargo xtask bench --parts guards`
//! makes to measure what that costs.

/// Whether this build holds guests to their bounds.
pub(crate) const ON: bool = !cfg!(feature = "bench-without-guards");
