//! From flags to the settings of requests.

use crate::cli::args::{ConnectionArgs, GivenProxy, HttpArgs, TlsArgs};
use crate::http::{ClientCertificate, Config, Proxies, RateLimits, RouteError, TlsConfig, Versions};
use crate::units::Rate;

/// # Errors
/// A proxy in the environment that can't be used.
pub(super) fn config(args: &HttpArgs) -> Result<Config, RouteError> {
    let connections = &args.connections;
    let defaults = Config::default();
    Ok(Config {
        timeout: args.timeout,
        connect_timeout: connections.connect_timeout,
        max_redirects: args.max_redirects,
        max_body_bytes: args.max_body_size,
        max_request_bytes: args.max_request_size,
        rate_limits: RateLimits {
            whole: args.max_rps.map(Rate::per_second),
            per_host: args.max_rps_per_host.map(Rate::per_second),
        },
        user_agent: args.user_agent.clone().unwrap_or(defaults.user_agent),
        versions: versions(args),
        keepalive: !connections.no_keepalive,
        max_connections_per_host: connections.max_connections_per_host as usize,
        idle_timeout: connections.idle_timeout,
        cookies: !args.no_cookies,
        dns_ttl: connections.dns_ttl,
        local_addresses: connections.local_address.clone(),
        resolve: connections.resolve.clone(),
        connect_to: connections.connect_to.clone(),
        unix_socket: connections.unix_socket.clone(),
        proxies: proxies(connections, |name| std::env::var(name).ok())?,
        tls: tls(&args.tls),
        ..defaults
    })
}

fn versions(args: &HttpArgs) -> Versions {
    match (args.http1_only, args.http2_prior_knowledge) {
        (true, _) => Versions::Http1,
        (false, true) => Versions::Http2,
        (false, false) => Versions::Negotiated,
    }
}

fn tls(args: &TlsArgs) -> TlsConfig {
    let client_certificate = args.client_cert.as_ref().map(|certificate| ClientCertificate {
        certificate: certificate.clone(),
        key: args.client_key.as_ref().unwrap_or(certificate).clone(),
    });
    TlsConfig {
        insecure: args.insecure,
        ca_certificates: args.ca_cert.clone(),
        client_certificate,
        min_version: args.tls_min.into(),
        max_version: args.tls_max.into(),
        resumption: !args.tls_no_resumption,
    }
}

/// What the flags say, and without them the environment.
fn proxies(args: &ConnectionArgs, environment: impl Fn(&str) -> Option<String>) -> Result<Proxies, RouteError> {
    let mut proxies = match &args.proxy {
        Some(GivenProxy(proxy)) => {
            // Hosts that are reached without a proxy are so without this one too.
            let exceptions = |name: &str| environment(name).filter(|_| name.eq_ignore_ascii_case("no_proxy"));
            let none_for = Proxies::from_environment(exceptions)?.none_for;
            Proxies { http: proxy.clone(), https: proxy.clone(), none_for, ..Proxies::default() }
        }
        None => Proxies::from_environment(environment)?,
    };
    if let Some(none_for) = &args.no_proxy {
        proxies.none_for = none_for.clone();
    }
    Ok(proxies)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "http_proxy" => Some("http://one.test:1".to_owned()),
            "no_proxy" => Some("spared.test".to_owned()),
            _ => None,
        }
    }

    fn args(proxy: Option<&str>, no_proxy: Option<&str>) -> ConnectionArgs {
        use clap::Parser;
        #[derive(Parser)]
        struct Only {
            #[command(flatten)]
            connections: ConnectionArgs,
        }
        let given = [("--proxy", proxy), ("--no-proxy", no_proxy)];
        let given = given.into_iter().filter_map(|(flag, value)| Some([flag, value?])).flatten();
        Only::parse_from(std::iter::once("wasmload").chain(given)).connections
    }

    #[test]
    fn flags_win_over_the_environment() {
        let proxies = |proxy, no_proxy| proxies(&args(proxy, no_proxy), environment).expect("valid");
        let from_environment = proxies(None, None);
        assert!(from_environment.http.is_some() && from_environment.https.is_none());
        let given = proxies(Some("http://two.test:2"), None);
        assert!(given.http.is_some() && given.http == given.https && given.http != from_environment.http);
        assert_eq!(given.none_for, from_environment.none_for);
        let none = proxies(Some(""), None);
        assert!(none.http.is_none() && none.https.is_none());
        assert_ne!(proxies(None, Some("other.test")).none_for, from_environment.none_for);
    }
}
