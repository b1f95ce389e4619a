//! `wasmload:scenario/data`.

use crate::data::DataSet;
use crate::sandbox::bindings::wasmload::scenario::data::{Host, Row};
use crate::sandbox::state::State;
use crate::sandbox::trap::HostTrap;

fn find<'a>(sets: &'a [DataSet], name: &str) -> wasmtime::Result<&'a DataSet> {
    sets.iter().find(|set| set.name() == name).ok_or_else(|| HostTrap::NoData(name.to_owned()).into())
}

impl Host for State {
    fn next_row(&mut self, name: String) -> wasmtime::Result<Option<Row>> {
        self.host_call();
        let State { env, random, .. } = self;
        Ok(find(&env.data, &name)?.next_row(random).cloned())
    }

    fn row_count(&mut self, name: String) -> wasmtime::Result<u32> {
        self.host_call();
        Ok(find(&self.env.data, &name)?.row_count())
    }
}
