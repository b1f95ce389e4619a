//! A server that writes its frames by hand, so that it may do what no decent one does.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::http::testing::Peer;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// Error codes (RFC 9113, section 7).
pub(super) const NO_ERROR: u32 = 0;
pub(super) const PROTOCOL_ERROR: u32 = 1;
pub(super) const INTERNAL_ERROR: u32 = 2;
pub(super) const REFUSED_STREAM: u32 = 7;
pub(super) const CANCEL: u32 = 8;
pub(super) const ENHANCE_YOUR_CALM: u32 = 11;

/// Identifiers of settings (RFC 9113, section 6.5.2).
pub(super) const MAX_CONCURRENT_STREAMS: u16 = 3;
pub(super) const INITIAL_WINDOW_SIZE: u16 = 4;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    pub(super) fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Self {
        Frame { kind, flags, stream, payload: payload.into() }
    }

    /// A response's head; literal, so that the client's table of headers stays empty.
    pub(super) fn head(stream: u32, flags: u8, status: &str, headers: &[(&str, &str)]) -> Self {
        let mut payload = Vec::new();
        for (name, value) in [(":status", status)].iter().chain(headers) {
            payload.push(0);
            for text in [name, value] {
                payload.push(u8::try_from(text.len()).ok().filter(|length| *length < 127).expect("short"));
                payload.extend_from_slice(text.as_bytes());
            }
        }
        Frame::new(HEADERS, flags | END_HEADERS, stream, payload)
    }

    pub(super) fn data(stream: u32, flags: u8, data: &str) -> Self {
        Frame::new(DATA, flags, stream, data)
    }

    pub(super) fn settings(values: &[(u16, u32)]) -> Self {
        let payload: Vec<u8> =
            values.iter().flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
        Frame::new(SETTINGS, 0, 0, payload)
    }

    pub(super) fn reset(stream: u32, code: u32) -> Self {
        Frame::new(RST_STREAM, 0, stream, code.to_be_bytes())
    }

    pub(super) fn go_away(last_stream: u32, code: u32) -> Self {
        Frame::new(GOAWAY, 0, 0, [last_stream.to_be_bytes(), code.to_be_bytes()].concat())
    }

    pub(super) fn window_update(stream: u32, more: u32) -> Self {
        Frame::new(WINDOW_UPDATE, 0, stream, more.to_be_bytes())
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).expect("short").to_be_bytes();
        let head = [&length[1..], &[self.kind, self.flags], &self.stream.to_be_bytes()].concat();
        [head, self.payload.clone()].concat()
    }

    /// The error code of a RST_STREAM or GOAWAY.
    pub(super) fn code(&self) -> u32 {
        let place = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[place..place + 4].try_into().expect("four bytes"))
    }
}

/// The server's side of a connection, which counts its bytes.
pub(super) struct Wire {
    peer: Peer,
    pub(super) sent: u64,
    pub(super) received: u64,
}

impl Wire {
    /// Reads what a connection begins with, and sends the server's settings.
    pub(super) async fn open(peer: Peer, settings: &[(u16, u32)]) -> Self {
        let mut wire = Wire::begin(peer).await;
        wire.send(&[Frame::settings(settings)]).await;
        wire
    }

    /// Reads what a connection begins with.
    pub(super) async fn begin(peer: Peer) -> Self {
        let mut wire = Wire { peer, sent: 0, received: 0 };
        let preface = wire.read(24).await.expect("the client speaks HTTP/2");
        assert_eq!(preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        assert_eq!(wire.next().await.map(|frame| frame.kind), Some(SETTINGS));
        wire
    }

    async fn read(&mut self, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.peer.stream.read_exact(&mut bytes).await.ok()?;
        self.received += length as u64;
        Some(bytes)
    }

    /// The next frame; none where the client closed.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        let head = self.read(9).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let payload = self.read(length as usize).await?;
        let stream = u32::from_be_bytes(head[5..9].try_into().expect("four bytes"));
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The next frame of that kind, whatever comes before it but what ends the connection.
    pub(super) async fn wait_for(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if frame.kind == kind {
                return Some(frame);
            }
            assert_ne!(frame.kind, GOAWAY, "{frame:?}");
        }
    }

    /// The stream of the next request.
    pub(super) async fn request(&mut self) -> u32 {
        self.wait_for(HEADERS).await.expect("a request").stream
    }

    /// Sends frames in one piece; a client that closed doesn't get them.
    pub(super) async fn send(&mut self, frames: &[Frame]) {
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::bytes).collect();
        if self.peer.stream.write_all(&bytes).await.is_ok() {
            self.sent += bytes.len() as u64;
        }
    }

    /// Answers a request with a body.
    pub(super) async fn reply(&mut self, stream: u32, body: &str) {
        self.send(&[Frame::head(stream, 0, "200", &[]), Frame::data(stream, END_STREAM, body)]).await;
    }

    /// Reads to the end. What came.
    pub(super) async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }
}
