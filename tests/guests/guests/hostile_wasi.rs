//! Takes from WASI what it can get. `--var case=` chooses, `--var port=` gives the port at which it tries to reach
//! 127.0.0.1; where it gets what it must not have, the iteration fails.

mod bindings {
    wit_bindgen::generate!({
        inline: r#"
            package wasmload:hostile-wasi;

            world thief {
                import wasi:clocks/monotonic-clock@0.2.0;
                import wasi:random/random@0.2.0;
                import wasi:cli/exit@0.2.0;
                import wasi:filesystem/preopens@0.2.0;
                import wasi:sockets/instance-network@0.2.0;
                import wasi:sockets/ip-name-lookup@0.2.0;
                import wasi:sockets/tcp-create-socket@0.2.0;
                import wasi:sockets/udp-create-socket@0.2.0;
            }

            package wasi:io@0.2.0 {
                interface poll {
                    resource pollable {
                        block: func();
                    }
                    poll: func(in: list<borrow<pollable>>) -> list<u32>;
                }
            }

            package wasi:clocks@0.2.0 {
                interface monotonic-clock {
                    use wasi:io/poll@0.2.0.{pollable};
                    subscribe-duration: func(when: u64) -> pollable;
                }
            }

            package wasi:random@0.2.0 {
                interface random {
                    get-random-bytes: func(len: u64) -> list<u8>;
                }
            }

            package wasi:cli@0.2.0 {
                interface exit {
                    exit: func(status: result);
                }
            }

            package wasi:filesystem@0.2.0 {
                interface types {
                    resource descriptor;
                }
                interface preopens {
                    use types.{descriptor};
                    get-directories: func() -> list<tuple<descriptor, string>>;
                }
            }

            package wasi:sockets@0.2.0 {
                interface network {
                    resource network;
                    enum error-code {
                        unknown, access-denied, not-supported, invalid-argument, out-of-memory, timeout,
                        concurrency-conflict, not-in-progress, would-block, invalid-state, new-socket-limit,
                        address-not-bindable, address-in-use, remote-unreachable, connection-refused,
                        connection-reset, connection-aborted, datagram-too-large, name-unresolvable,
                        temporary-resolver-failure, permanent-resolver-failure,
                    }
                    enum ip-address-family { ipv4, ipv6 }
                    type ipv4-address = tuple<u8, u8, u8, u8>;
                    type ipv6-address = tuple<u16, u16, u16, u16, u16, u16, u16, u16>;
                    record ipv4-socket-address { port: u16, address: ipv4-address }
                    record ipv6-socket-address {
                        port: u16, flow-info: u32, address: ipv6-address, scope-id: u32,
                    }
                    variant ip-socket-address { ipv4(ipv4-socket-address), ipv6(ipv6-socket-address) }
                }
                interface instance-network {
                    use network.{network};
                    instance-network: func() -> network;
                }
                interface ip-name-lookup {
                    use network.{network, error-code};
                    resource resolve-address-stream;
                    resolve-addresses: func(network: borrow<network>, name: string)
                        -> result<resolve-address-stream, error-code>;
                }
                interface tcp {
                    use network.{network, error-code, ip-socket-address};
                    resource tcp-socket {
                        start-bind: func(network: borrow<network>, local-address: ip-socket-address)
                            -> result<_, error-code>;
                        start-connect: func(network: borrow<network>, remote-address: ip-socket-address)
                            -> result<_, error-code>;
                    }
                }
                interface tcp-create-socket {
                    use network.{error-code, ip-address-family};
                    use tcp.{tcp-socket};
                    create-tcp-socket: func(address-family: ip-address-family) -> result<tcp-socket, error-code>;
                }
                interface udp {
                    use network.{network, error-code, ip-socket-address};
                    resource udp-socket {
                        start-bind: func(network: borrow<network>, local-address: ip-socket-address)
                            -> result<_, error-code>;
                    }
                }
                interface udp-create-socket {
                    use network.{error-code, ip-address-family};
                    use udp.{udp-socket};
                    create-udp-socket: func(address-family: ip-address-family) -> result<udp-socket, error-code>;
                }
            }
        "#,
        world: "wasmload:hostile-wasi/thief",
        generate_all,
    });
}

use std::mem::forget;

use bindings::wasi::cli::exit::exit;
use bindings::wasi::clocks::monotonic_clock::subscribe_duration;
use bindings::wasi::filesystem::preopens::get_directories;
use bindings::wasi::io::poll::poll;
use bindings::wasi::random::random::get_random_bytes;
use bindings::wasi::sockets::instance_network::instance_network;
use bindings::wasi::sockets::ip_name_lookup::resolve_addresses;
use bindings::wasi::sockets::network::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress};
use bindings::wasi::sockets::tcp_create_socket::create_tcp_socket;
use bindings::wasi::sockets::udp_create_socket::create_udp_socket;
use wasmload_sdk::prelude::*;

fn play() -> Outcome {
    let count = guests::number("count", 1_000_000)?;
    match guests::case()?.as_str() {
        "sleep" => subscribe_duration(u64::MAX).block(),
        "sleep-0" => loop {
            subscribe_duration(0).block();
        },
        "pollables" => (0..count).for_each(|_| forget(subscribe_duration(u64::MAX))),
        "poll" => poll_again_and_again(count),
        "random" => drop(get_random_bytes(1 << 40)),
        "exit" => exit(Ok(())),
        "files" => expect("a directory", get_directories().is_empty())?,
        "sockets" => sockets()?,
        other => return guests::unknown_case(other),
    }
    Ok(())
}

/// One that is ready, named so many times.
fn poll_again_and_again(count: u32) {
    let ready = subscribe_duration(0);
    let all: Vec<_> = (0..count).map(|_| &ready).collect();
    poll(&all);
}

fn sockets() -> Outcome {
    let address = Ipv4SocketAddress { port: guests::number("port", 80)? as u16, address: (127, 0, 0, 1) };
    let address = IpSocketAddress::Ipv4(address);
    let network = instance_network();
    if let Ok(socket) = create_tcp_socket(IpAddressFamily::Ipv4) {
        expect("a port", socket.start_bind(&network, address).is_err())?;
    }
    if let Ok(socket) = create_tcp_socket(IpAddressFamily::Ipv4) {
        expect("a connection", socket.start_connect(&network, address).is_err())?;
    }
    if let Ok(socket) = create_udp_socket(IpAddressFamily::Ipv4) {
        expect("a port for datagrams", socket.start_bind(&network, address).is_err())?;
    }
    expect("an address", resolve_addresses(&network, "localhost").is_err())
}

fn expect(what: &str, is_so: bool) -> Outcome {
    if !is_so {
        fail!("it got {what}");
    }
    Ok(())
}

iteration!(play);
