//! `setup` and `teardown`: once for each scenario of a run, in instances of their own.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::prepare::PreparedScenario;
use crate::sandbox::{Allowance, CallError, Identity, Instance};

/// How long each of them may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What the `setup` of each scenario returned, in the order of the plan, as far as they came.
#[derive(Debug, Default)]
pub(super) struct SetupData(pub(super) Vec<Arc<str>>);

/// A scenario's `setup` that did not end well.
#[derive(Debug)]
pub(super) struct SetupFailed {
    /// The scenarios that were set up before it, and want their `teardown`.
    pub(super) before: SetupData,
    /// The scenario's name.
    pub(super) scenario: String,
    /// What it said, that it trapped, or that it took too long or was cut off.
    pub(super) reason: String,
}

/// Calls the `setup` of each scenario in the order of the plan, until one fails or `cut_off` comes.
pub(super) async fn setup(scenarios: &[PreparedScenario], cut_off: impl AsyncFn()) -> Result<SetupData, SetupFailed> {
    let mut data = SetupData::default();
    for scenario in scenarios {
        match scenario.setup(cut_off()).await {
            Ok(returned) => data.0.push(returned.into()),
            Err(error) => {
                let (scenario, reason) = (scenario.env.scenario_name.clone(), error.failure().reason.to_owned());
                return Err(SetupFailed { before: data, scenario, reason });
            }
        }
    }
    Ok(data)
}

/// Calls the `teardown` of each scenario that was set up, the last one first, unless `cut_off` comes before; what goes
/// wrong there is counted.
pub(super) async fn teardown(scenarios: &[PreparedScenario], data: &SetupData, cut_off: impl AsyncFn()) {
    for (scenario, data) in scenarios.iter().zip(&data.0).rev() {
        scenario.teardown(data, cut_off()).await;
    }
}

impl PreparedScenario {
    async fn setup(&self, cut_off: impl Future<Output = ()>) -> Result<String, CallError> {
        if !self.scenario.has_lifecycle() {
            return Ok(String::new());
        }
        let result = self.hook("setup", cut_off, async |instance| instance.setup().await).await;
        if let Err(error) = &result {
            error.record_for_hook("setup", &self.env);
        }
        result
    }

    async fn teardown(&self, setup_data: &str, cut_off: impl Future<Output = ()>) {
        if !self.scenario.has_lifecycle() {
            return;
        }
        if let Err(error) = self.hook("teardown", cut_off, async |instance| instance.teardown(setup_data).await).await {
            error.record_for_hook("teardown", &self.env);
        }
    }

    async fn hook<T>(
        &self,
        name: &str,
        cut_off: impl Future<Output = ()>,
        call: impl AsyncFnOnce(&mut Instance) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let (identity, own) = (Identity { vu: 0, instance: 0 }, Allowance::default());
        let calling = pin!(async {
            let mut instance = Instance::new(&self.scenario, Arc::clone(&self.env), identity, own.clone()).await?;
            call(&mut instance).await
        });
        tokio::select! {
            biased;
            () = cut_off => Err(CallError::Failed(format!("{name} was cut off as the run was stopped"))),
            ended = in_time(name, own.account.charge_polls(calling)) => ended,
        }
    }
}

/// What a hook comes to, unless it takes too long.
pub(super) async fn in_time<T>(
    hook: &str,
    calling: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    let ended = tokio::time::timeout(TIMEOUT, calling).await;
    ended.unwrap_or_else(|_| Err(CallError::Failed(format!("{hook} took longer than {} s", TIMEOUT.as_secs()))))
}
