//! The sessions that one virtual user may resume.
//!
//! Were they shared, new virtual users would resume the sessions of old ones, and the run would hide what it costs the
//! server that new people come.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, NamedGroup};

/// The most servers whose sessions are kept; beyond that, those of the server connected to least recently are dropped.
const MAX_SERVERS: usize = 8;

/// The most TLS 1.3 tickets that are kept of a server, the newest. Each has a copy of the server's certificates, some
/// kilobytes, and serves for one connection. Servers hand out two at a time.
const MAX_TICKETS: usize = 4;

/// The sessions that one virtual user may resume: nothing until its first TLS connection. They go with one `Tls`.
#[derive(Default)]
pub(in crate::http) struct Sessions(OnceLock<Arc<ClientConfig>>);

impl fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What else there is would give the sessions' secrets away.
        formatter.debug_struct("Sessions").field("used", &self.0.get().is_some()).finish_non_exhaustive()
    }
}

impl Sessions {
    /// The shared configuration with this virtual user's sessions.
    pub(super) fn config(&self, shared: &ClientConfig) -> Arc<ClientConfig> {
        Arc::clone(self.0.get_or_init(|| {
            let mut config = shared.clone();
            config.resumption = Resumption::store(Arc::new(Store::default()));
            Arc::new(config)
        }))
    }
}

/// Servers with their sessions, the one connected to last at the end.
#[derive(Default)]
struct Store(Mutex<Vec<Server>>);

/// What is kept of one server.
struct Server {
    name: ServerName<'static>,
    /// How it exchanges keys, so that the next handshake offers that first.
    group: Option<NamedGroup>,
    /// Boxed because it is large, and most servers speak TLS 1.3.
    tls12: Option<Box<Tls12ClientSessionValue>>,
    tickets: Vec<Tls13ClientSessionValue>,
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    fn servers(&self) -> MutexGuard<'_, Vec<Server>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what is known of a server.
    fn look<T>(&self, name: &ServerName<'_>, look: impl FnOnce(&mut Server) -> Option<T>) -> Option<T> {
        self.servers().iter_mut().find(|server| server.name == *name).and_then(look)
    }

    /// Keeps something about a server, and makes it the last one.
    fn keep(&self, name: ServerName<'static>, keep: impl FnOnce(&mut Server)) {
        let mut servers = self.servers();
        let known = servers.iter().position(|server| server.name == name);
        let mut server = match known {
            Some(index) => servers.remove(index),
            None => Server { name, group: None, tls12: None, tickets: Vec::new() },
        };
        keep(&mut server);
        if servers.len() == MAX_SERVERS {
            servers.remove(0);
        }
        push(&mut servers, server);
    }
}

/// Appends to a list that mostly has one element or two, without room for more: there are as many as virtual users.
fn push<T>(list: &mut Vec<T>, element: T) {
    list.reserve_exact(1);
    list.push(element);
}

impl ClientSessionStore for Store {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.keep(server_name, |server| server.group = Some(group));
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.look(server_name, |server| server.group)
    }

    fn set_tls12_session(&self, server_name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.keep(server_name, |server| server.tls12 = Some(Box::new(value)));
    }

    fn tls12_session(&self, server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.look(server_name, |server| server.tls12.as_deref().cloned())
    }

    fn remove_tls12_session(&self, server_name: &ServerName<'static>) {
        self.look(server_name, |server| server.tls12.take());
    }

    fn insert_tls13_ticket(&self, server_name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.keep(server_name, |server| {
            if server.tickets.len() == MAX_TICKETS {
                server.tickets.remove(0);
            }
            push(&mut server.tickets, value);
        });
    }

    fn take_tls13_ticket(&self, server_name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.look(server_name, |server| server.tickets.pop())
    }
}
