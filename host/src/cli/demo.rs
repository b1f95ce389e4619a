//! `wasmload demo` and `wasmload target`.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use tokio::sync::oneshot;

use super::args::{BehaviourArgs, Bug, DemoArgs, TargetArgs};
use super::{execute, exit, plan, runtime};
use crate::source::Source;
use crate::target;

/// The demo's scenario: `examples/cities`, built by `cargo xtask demo-component`.
const SCENARIO: Source = Source::Embedded { name: "cities", bytes: include_bytes!("../../assets/cities.wasm") };

/// Runs the demo's scenario against the demo's target.
pub(super) fn demo(args: &DemoArgs) -> anyhow::Result<u8> {
    let target = BackgroundTarget::start(options(&args.target))?;
    let host = format!("http://{}", target.address).parse().context("make the target's URL")?;
    let plan = plan::demo(args, SCENARIO, host)?;
    execute::execute(&plan, &args.output, execute::Progress::Shown).map(|summary| execute::exit_code(&summary))
}

/// Serves the demo's target until Ctrl-C.
#[expect(clippy::print_stdout, reason = "where the target listens is the command's answer")]
pub(super) fn target(args: &TargetArgs) -> anyhow::Result<u8> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.with_context(|| format!("listen on {address}"))?;
        println!("listening on http://{}; Ctrl-C stops", listener.local_addr()?);
        let stop = async {
            // Without a signal handler the target serves until its process ends, which is as good.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        target::serve(listener, options(&args.behaviour), stop).await.context("serve the target")
    })?;
    Ok(exit::SUCCESS)
}

fn options(args: &BehaviourArgs) -> target::Options {
    let bug = args.bug.map(|bug| match bug {
        Bug::SharedUser => target::Bug::SharedUser,
    });
    target::Options { latency: args.latency, error_rate: args.error_rate, bug }
}

/// Connections to the target that may wait to be taken; the system may allow fewer.
const BACKLOG: i32 = 4096;

/// The target, in a thread of its own; it stops as this is dropped.
struct BackgroundTarget {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl BackgroundTarget {
    fn start(options: target::Options) -> anyhow::Result<BackgroundTarget> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("listen on a loopback port")?;
        listener.set_nonblocking(true).context("prepare the target's socket")?;
        // All virtual users may connect at once, and those that find no room try again only after a second.
        rustix::net::listen(&listener, BACKLOG).context("prepare the target's socket")?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = runtime()?;
        std::thread::Builder::new().name("target".into()).spawn(move || {
            runtime.block_on(async {
                let stopped = async {
                    // Dropped or sent, either ends it.
                    let _ = stopped.await;
                };
                let served = match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => target::serve(listener, options, stopped).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = served {
                    tracing::error!("the target failed: {error}");
                }
            });
        })?;
        Ok(BackgroundTarget { address, _stop: stop })
    }
}
