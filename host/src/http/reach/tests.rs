use super::*;
use crate::http::target::Base;

fn origin(url: &str) -> Origin {
    Base::parse(url).expect(url).origin
}

fn reach(target: Option<&str>, allowed: &[&str]) -> Reach {
    let allowed: Vec<HostPattern> = allowed.iter().map(|text| text.parse().expect(text)).collect();
    Reach::new(target.map(origin).as_ref(), Hosts { allowed: &allowed, public_target: false })
}

fn denied(result: Result<impl std::fmt::Debug, Error>) -> String {
    match result {
        Err(Error::Denied(reason) | Error::DeniedAddress(reason)) => reason.into_owned(),
        other => panic!("{other:?} is not denied"),
    }
}

/// Which of those addresses a URL's host may be connected to at, as DNS gives them.
fn admitted(reach: &Reach, url: &str, found: &[&str]) -> Result<Vec<String>, String> {
    let origin = origin(url);
    let found = found.iter().map(|text| text.parse().expect(text)).collect();
    match reach.admit(&origin.host, origin.port, found) {
        Ok(addresses) => Ok(addresses.iter().map(IpAddr::to_string).collect()),
        Err(error) => Err(denied(Err::<(), _>(error))),
    }
}

fn all(addresses: &[&str]) -> Result<Vec<String>, String> {
    Ok(addresses.iter().map(|text| (*text).to_owned()).collect())
}

#[test]
fn beside_the_target_only_what_is_allowed_is_reached() {
    let reach = reach(Some("http://shop.test:8080"), &["*.cdn.test:443", "10.0.0.0/8"]);
    for allowed in ["https://a.cdn.test", "http://10.9.9.9:1"] {
        assert_eq!(reach.check(&origin(allowed)), Ok(()), "{allowed}");
    }
    for other in
        ["https://shop.test:8080", "http://shop.test", "https://cdn.test", "http://a.cdn.test", "http://11.0.0.1"]
    {
        let reason = denied(reach.check(&origin(other)));
        assert!(reason.contains("is not the run's target, http://shop.test:8080; --allow-host "), "{reason}");
    }
    let nowhere = denied(Reach::default().check(&origin("http://evil.test")));
    assert_eq!(
        nowhere,
        "http://evil.test:80 is no target of the run, which has none; --allow-host evil.test:80 would allow it"
    );
}

#[test]
fn names_lead_to_public_addresses_and_to_none_that_nobody_named() {
    let reach = reach(Some("http://shop.test"), &["*", "192.168.0.7"]);
    for host in ["http://a.test", "https://localhost.test"] {
        assert_eq!(admitted(&reach, host, &["1.1.1.1", "2606:4700::1"]), all(&["1.1.1.1", "2606:4700::1"]));
        assert_eq!(admitted(&reach, host, &["127.0.0.1", "1.1.1.1", "fd00::1"]), all(&["1.1.1.1"]));
        assert_eq!(admitted(&reach, host, &["192.168.0.7"]), all(&["192.168.0.7"]));
        for hidden in ["127.0.0.1", "10.0.0.1", "::ffff:10.0.0.1", "169.254.169.254", "fd00:ec2::254", "0.0.0.0"] {
            assert!(admitted(&reach, host, &[hidden]).is_err(), "{hidden}");
        }
    }
    assert_eq!(
        admitted(&reach, "http://a.test", &["10.0.0.1"]),
        Err("a.test is 10.0.0.1, an address of a private network; --allow-host 10.0.0.1:80 would allow it".to_owned())
    );
    assert_eq!(
        admitted(&reach, "http://127.0.0.1", &["127.0.0.1"]),
        Err("127.0.0.1 is an address of this machine; --allow-host 127.0.0.1:80 would allow it".to_owned())
    );
}

#[test]
fn the_target_may_be_private_and_stays_where_it_was() {
    let reach = reach(Some("http://shop.test:8080"), &[]);
    let url = "http://shop.test:8080";
    assert_eq!(admitted(&reach, url, &["10.0.0.1", "10.0.0.2"]), all(&["10.0.0.1", "10.0.0.2"]));
    assert_eq!(admitted(&reach, url, &["10.0.0.2"]), all(&["10.0.0.2"]));
    // Public addresses change every minute at the large providers.
    assert_eq!(admitted(&reach, url, &["1.1.1.1"]), all(&["1.1.1.1"]));
    assert_eq!(admitted(&reach, url, &["10.0.0.3", "10.0.0.1"]), all(&["10.0.0.1"]));
    let reason = admitted(&reach, url, &["127.0.0.1"]).unwrap_err();
    assert_eq!(
        reason,
        "shop.test had other addresses at first, and now is 127.0.0.1, an address of this machine; --allow-host \
         127.0.0.1:8080 would allow it"
    );
}

#[test]
fn no_name_leads_to_metadata_and_an_address_does_as_it_says() {
    let named = reach(Some("http://shop.test"), &[]);
    let reason = admitted(&named, "http://shop.test", &["169.254.169.254"]).unwrap_err();
    assert!(reason.starts_with("shop.test is 169.254.169.254, a link-local address"), "{reason}");
    let literal = reach(Some("http://169.254.169.254"), &[]);
    assert_eq!(admitted(&literal, "http://169.254.169.254", &["169.254.169.254"]), all(&["169.254.169.254"]));
}

#[test]
fn localhost_is_this_machine() {
    let reach = reach(None, &["localhost"]);
    assert_eq!(admitted(&reach, "http://localhost", &["127.0.0.1", "::1"]), all(&["127.0.0.1", "::1"]));
    assert!(admitted(&reach, "http://localhost", &["10.0.0.1"]).is_err());
    let every = super::tests::reach(None, &["*"]);
    for name in ["http://localhost:2375", "http://x.localhost"] {
        assert!(admitted(&every, name, &["127.0.0.1"]).is_err(), "{name}");
    }
}

#[test]
fn a_target_that_has_to_be_public_is() {
    let target = origin("http://shop.test");
    let reach = Reach::new(Some(&target), Hosts { allowed: &[], public_target: true });
    assert_eq!(admitted(&reach, "http://shop.test", &["1.1.1.1", "10.0.0.1"]), all(&["1.1.1.1"]));
    assert!(admitted(&reach, "http://shop.test", &["10.0.0.1"]).is_err());
    let target = origin("http://localhost");
    let reach = Reach::new(Some(&target), Hosts { allowed: &[], public_target: true });
    assert!(admitted(&reach, "http://localhost", &["127.0.0.1"]).is_err());
}

#[test]
fn the_address_behind_a_name_is_not_for_guests() {
    let reach = reach(None, &["*"]);
    let refused = |url: &str, address: &str| {
        let origin = origin(url);
        reach.admit(&origin.host, origin.port, [address.parse().expect(address)].into())
    };
    let named = refused("http://a.test", "10.0.0.1");
    assert!(matches!(&named, Err(Error::DeniedAddress(reason)) if reason.contains("10.0.0.1")), "{named:?}");
    // Whoever gives an address knows it.
    let literal = refused("http://10.0.0.1", "10.0.0.1");
    assert!(matches!(&literal, Err(Error::Denied(reason)) if reason.contains("10.0.0.1")), "{literal:?}");
}

#[test]
fn a_host_header_names_the_origin_or_what_is_allowed() {
    let reach = reach(Some("http://10.0.0.1:8080"), &["shop.test", "10.0.0.2", "[::1]"]);
    let target = origin("http://10.0.0.1:8080");
    for fine in ["10.0.0.1:8080", "shop.test", "SHOP.test:99", "shop.test:80", "[::1]", "[::1]:80"] {
        assert_eq!(reach.check_host_header(&target, fine), Ok(()), "{fine}");
    }
    for other in
        ["evil.test", "10.0.0.1", "shop.test@evil.test", "evil.test/shop.test", "", " ", "a b", "shop.test\\.evil.test"]
    {
        denied(reach.check_host_header(&target, other));
    }
    // All of them mean hosts that are allowed, to those who read them as URLs are read.
    for odd in ["sh\top.test", "shop%2Etest", "\u{ff53}hop.test", "%31%30.0.0.2", "167772162", "[0:0::1]", "shop.test:"]
    {
        let reason = denied(reach.check_host_header(&target, odd));
        assert!(reason.contains("; write "), "{reason}");
    }
    assert_eq!(
        denied(reach.check_host_header(&target, "evil.test")),
        "the host header names \"evil.test\" instead of 10.0.0.1:8080; --allow-host evil.test:80 would allow it"
    );
}
