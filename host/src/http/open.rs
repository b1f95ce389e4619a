//! Opening a connection, phase by phase: to a connected socket, through TLS, to the version of HTTP that is spoken.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::config::Versions;
use super::connection::{Connection, Stream};
use super::context::Context;
use super::dial::Dialed;
use super::error::Error;
use super::h2::Channel;
use super::meter::{Phase, PhaseClock};
use super::observe::ConnectionInfo;
use super::socket::Socket;
use super::target::{OriginRef, Scheme};
use super::tls::{Secured, Sessions, Tls};
use crate::sample::Transport;

/// An open connection, by the version that it speaks.
#[derive(Debug)]
pub(super) enum Opened {
    Http1(Box<Connection>),
    Http2(Channel),
}

impl Opened {
    /// For an observer, if there is one.
    pub(super) fn info(&self) -> Option<&ConnectionInfo> {
        match self {
            Opened::Http1(connection) => connection.info.as_deref(),
            Opened::Http2(channel) => channel.info(),
        }
    }
}

/// Who opens a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opener<'a> {
    pub(super) context: &'a Context,
    /// The virtual user's number.
    pub(super) vu: u32,
    pub(super) sessions: &'a Sessions,
    /// Someone wants to know about the connection.
    pub(super) observed: bool,
}

/// What was measured of an opening, also where it failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pub(super) clock: PhaseClock,
    pub(super) transport: Transport,
}

impl Opener<'_> {
    /// Opens a connection, no later than the deadline and within the run's bound.
    ///
    /// # Errors
    /// [`Error::Dns`], [`Error::Connect`], [`Error::Tls`]; [`Error::Timeout`] where it is the deadline that passed.
    pub(super) async fn open(
        self,
        origin: &OriginRef,
        deadline: Option<Instant>,
        progress: &mut Progress,
    ) -> Result<Opened, Error> {
        let bound = self.context.config.connect_timeout;
        let own = Instant::now().checked_add(bound);
        let first = [deadline, own].into_iter().flatten().min();
        let opening = self.open_unbounded(origin, progress);
        let Some(first) = first else { return opening.await };
        match timeout_at(first, opening).await {
            Ok(Ok(opened)) => Ok(opened),
            Ok(Err(error)) => {
                progress.clock.cut();
                Err(error)
            }
            Err(_) => {
                progress.clock.cut();
                Err(if deadline == Some(first) {
                    Error::Timeout
                } else {
                    out_of_time(progress.clock.under_way(), bound)
                })
            }
        }
    }

    async fn open_unbounded(self, origin: &OriginRef, progress: &mut Progress) -> Result<Opened, Error> {
        let context = self.context;
        let server = context.origin(origin)?;
        #[cfg(test)]
        if let Some(network) = &context.network {
            progress.clock.enter(Phase::Connect);
            let (socket, http2) = network.connect(server).await?;
            progress.clock.end(Phase::Connect);
            progress.transport.connections += 1;
            let stream = Stream::Plain(Socket::Memory(socket));
            if http2 || context.config.versions == Versions::Http2 {
                return Channel::open(stream, &context.config, None).await.map(Opened::Http2);
            }
            return Ok(Opened::Http1(Box::new(Connection::new(stream, None))));
        }
        let secure_proxy = async |host: &_, tcp| context.tls.to_proxy(host, tcp).await;
        let dialed = context.dialer.dial(server, &context.reach, self.vu, &mut progress.clock, secure_proxy).await?;
        progress.transport.connections += 1;
        let mut info = self.observed.then(|| describe(&dialed));
        let stream = match server.scheme {
            Scheme::Http => Stream::Plain(dialed.socket),
            Scheme::Https => {
                progress.clock.enter(Phase::Tls);
                let secured = context.tls.handshake(self.sessions, &server.host, dialed.socket).await?;
                progress.clock.end(Phase::Tls);
                progress.count(&secured, info.as_deref_mut());
                if secured.http2 {
                    return Channel::open(Stream::Tls(Box::new(secured.stream)), &context.config, info)
                        .await
                        .map(Opened::Http2);
                }
                Stream::Tls(Box::new(secured.stream))
            }
        };
        if context.config.versions == Versions::Http2 {
            return Channel::open(stream, &context.config, info).await.map(Opened::Http2);
        }
        Ok(Opened::Http1(Box::new(Connection::new(stream, info))))
    }
}

impl Progress {
    fn count(&mut self, secured: &Secured<Socket>, info: Option<&mut ConnectionInfo>) {
        if secured.resumed {
            self.transport.tls_resumed += 1;
        } else {
            self.transport.tls_full += 1;
        }
        if let Some(info) = info {
            info.http2 = secured.http2;
            info.tls = Some(Tls::info(&secured.stream, secured.resumed));
        }
    }
}

/// What the run's own bound on opening connections comes to, by the phase that was under way.
fn out_of_time(phase: Phase, bound: Duration) -> Error {
    let seconds = bound.as_secs_f64();
    match phase {
        Phase::Dns => Error::Dns(format!("no answer within {seconds} s (--connect-timeout)").into()),
        Phase::Tls => Error::Tls(format!("not done within {seconds} s (--connect-timeout)").into()),
        _ => Error::Connect(format!("no answer within {seconds} s (--connect-timeout)").into()),
    }
}

/// The number of the connection that was opened last.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

fn describe(dialed: &Dialed) -> Box<ConnectionInfo> {
    Box::new(ConnectionInfo {
        id: LAST_ID.fetch_add(1, Ordering::Relaxed) + 1,
        http2: false,
        remote: dialed.remote,
        local: dialed.local,
        via: dialed.via.clone(),
        tls: None,
    })
}
