//! A tunnel through an HTTP proxy: `CONNECT` (RFC 9110, section 9.3.6).

use std::borrow::Cow;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::http::error::describe;

/// The largest head of an answer, in bytes, interim answers included.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// The most headers of an answer.
const MAX_HEADERS: usize = 64;

/// Has the proxy at the other end of the stream connect it to `authority`. `authorization_line` is a header with its
/// line end, or empty. The stream that is returned stands at the first byte that comes from there.
///
/// # Errors
/// Why there is no tunnel, for people.
pub(super) async fn open<S>(mut stream: S, authority: &str, authorization_line: &str) -> Result<S, Cow<'static, str>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n{authorization_line}\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|error| describe(&error))?;
    stream.flush().await.map_err(|error| describe(&error))?;
    let mut head = Vec::with_capacity(256);
    for _ in 0..MAX_HEAD_BYTES {
        // Byte by byte, as curl does: what follows the head is the server's.
        let byte = stream.read_u8().await.map_err(|error| describe(&error))?;
        head.push(byte);
        if byte != b'\n' {
            continue;
        }
        match parse(&head)? {
            None => {}
            // What it says of a body's length means nothing.
            Some((200..=299, _)) => return Ok(stream),
            Some((100 | 102..=199, _)) => head.clear(),
            Some((status, reason)) => return Err(refusal(status, &reason).into()),
        }
    }
    Err(format!("the head of its answer is larger than {} KiB", MAX_HEAD_BYTES >> 10).into())
}

/// The status and reason of an answer; none while its head is incomplete.
fn parse(head: &[u8]) -> Result<Option<(u16, String)>, Cow<'static, str>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(head) {
        Ok(httparse::Status::Partial) => Ok(None),
        Ok(httparse::Status::Complete(_)) => {
            Ok(Some((response.code.unwrap_or_default(), response.reason.unwrap_or_default().to_owned())))
        }
        Err(error) => Err(format!("its answer is not HTTP/1.1: {error}").into()),
    }
}

fn refusal(status: u16, reason: &str) -> String {
    let hint = match status {
        407 => "; give a user name and password as in http://USER:PASSWORD@HOST",
        _ => "",
    };
    format!("it answered {}{hint}", format!("{status} {reason}").trim_end())
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    /// Opens a tunnel through a proxy that answers in these pieces; the outcome, what the proxy was asked, and what can
    /// be read of the stream afterwards.
    async fn tunnel(pieces: &[&[u8]]) -> (Result<(), Cow<'static, str>>, String, Vec<u8>) {
        let (mut near, mut far) = duplex(64 << 10);
        let opening = open(&mut near, "h.example:443", "proxy-authorization: Basic eA==\r\n");
        let proxy = async {
            let asked = read_head(&mut far).await;
            for piece in pieces {
                far.write_all(piece).await.expect("there is room");
                // Lets the other side read what there is.
                tokio::task::yield_now().await;
            }
            drop(far);
            asked
        };
        let (outcome, asked) = tokio::join!(opening, proxy);
        let outcome = outcome.map(|_| ());
        let mut rest = Vec::new();
        near.read_to_end(&mut rest).await.expect("readable");
        (outcome, asked, rest)
    }

    async fn read_head(stream: &mut DuplexStream) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a whole head"));
        }
        String::from_utf8(head).expect("text")
    }

    #[tokio::test]
    async fn the_request_is_exact_and_bytes_behind_the_answer_are_kept() {
        let (outcome, asked, rest) = tunnel(&[b"HTTP/1.1 200 Connection established\r\n\r\nhello"]).await;
        assert_eq!((outcome, &*rest), (Ok(()), &b"hello"[..]));
        assert_eq!(
            asked,
            "CONNECT h.example:443 HTTP/1.1\r\nhost: h.example:443\r\nproxy-authorization: Basic eA==\r\n\r\n"
        );
    }

    #[tokio::test]
    async fn an_answer_may_come_in_any_pieces() {
        let answer = b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\nvia: 1.1 p\r\n\r\nhello";
        for split in 0..=answer.len() {
            let (front, back) = answer.split_at(split);
            let (outcome, _, rest) = tunnel(&[front, back]).await;
            assert_eq!((outcome, &*rest), (Ok(()), &b"hello"[..]), "split at {split}");
        }
        let single: Vec<&[u8]> = answer.chunks(1).collect();
        let (outcome, _, rest) = tunnel(&single).await;
        assert_eq!((outcome, &*rest), (Ok(()), &b"hello"[..]));
    }

    #[tokio::test]
    async fn interim_answers_and_bare_line_feeds_are_taken() {
        let (outcome, _, rest) = tunnel(&[b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\n\nx"]).await;
        assert_eq!((outcome, &*rest), (Ok(()), &b"x"[..]));
    }

    #[tokio::test]
    async fn what_is_no_tunnel_is_told() {
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + 1));
        let huge = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(MAX_HEAD_BYTES));
        let cases: [(&[u8], &str); 9] = [
            (b"HTTP/1.1 403 Forbidden\r\n\r\n", "it answered 403 Forbidden"),
            (b"HTTP/1.1 502\r\n\r\n", "it answered 502"),
            (b"HTTP/1.1 101 Switching\r\n\r\n", "it answered 101 Switching"),
            (
                b"HTTP/1.1 407 Who\r\n\r\n",
                "it answered 407 Who; give a user name and password as in http://USER:PASSWORD@HOST",
            ),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "its answer is not HTTP/1.1: invalid HTTP version"),
            (b"HTTP/1.1 200 OK\r\n", "connection closed by the peer before the end"),
            (b"", "connection closed by the peer before the end"),
            (many.as_bytes(), "its answer is not HTTP/1.1: too many headers"),
            (huge.as_bytes(), "the head of its answer is larger than 16 KiB"),
        ];
        for (answer, reason) in cases {
            let (outcome, ..) = tunnel(&[answer]).await;
            assert_eq!(outcome, Err(reason.into()), "{}", String::from_utf8_lossy(answer));
        }
    }
}
