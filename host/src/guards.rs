//! Whether guests are held to their bounds. They are, in every build but the one that `cargo xtask bench --parts guards`
//! makes to measure what that costs.

/// The variable of the environment without which a build that does not hold them to any does nothing.
pub(crate) const OVERRIDE: &str = "WASMLOAD_BENCH_WITHOUT_GUARDS";

/// Whether this build holds guests to their bounds.
pub(crate) const ON: bool = !cfg!(feature = "bench-without-guards");
