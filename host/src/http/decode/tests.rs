//! Bodies in every coding: whole, cut, changed, and far too large.

use std::io::Write;

use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use flate2::{Compress, Compression, FlushCompress, GzBuilder};

use super::*;

const MIB: usize = 1 << 20;

fn text() -> Vec<u8> {
    b"To be read in pieces, whatever their size; ".repeat(4000)
}

/// The text, as node makes it:
/// `zlib.brotliCompressSync("To be read in pieces, whatever their size; ".repeat(4000))`.
const BROTLI_TEXT: &str =
    "5bdf9f02de488c63289f5aa26b901d2ab155f606133970a885703279b348b6db59e74640b9365428c2fcb74b8174";

/// `a body in brotli` with a window of 256 MiB:
/// `{ params: { [BROTLI_PARAM_LARGE_WINDOW]: 1, [BROTLI_PARAM_LGWIN]: 28 } }`.
const BROTLI_LARGE_WINDOW: &str = "111c1e00026120626f647920696e2062726f746c6903";

/// A MiB of zeros, and each further one: what node's encoder gives for `write(Buffer.alloc(1 << 20))` and
/// `flush(BROTLI_OPERATION_FLUSH)` with `{ [BROTLI_PARAM_QUALITY]: 5, [BROTLI_PARAM_LGWIN]: 18 }`.
const BROTLI_ZEROS: [&str; 2] = ["a3ffff074002201e0b24f7fec100", "faff7f002400e2b00074ef1f0c"];

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("two digits")).collect()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(plain, 3).expect("a vector takes all")
}

/// The text in each coding and each form of it.
fn encoded() -> [(Coding, Vec<u8>); 5] {
    let plain = text();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
    for writer in [&mut zlib as &mut dyn Write, &mut bare] {
        writer.write_all(&plain).expect("a vector takes all");
    }
    [
        (Coding::Gzip, gzip(&plain)),
        (Coding::Deflate, zlib.finish().expect("a vector takes all")),
        (Coding::Deflate, bare.finish().expect("a vector takes all")),
        (Coding::Brotli, bytes(BROTLI_TEXT)),
        (Coding::Zstd, zstd(&plain)),
    ]
}

fn only(coding: Coding) -> Codings {
    Codings::Known([Some(coding), None])
}

fn decoder(codings: Codings, limit: Option<u64>) -> Decoder {
    Decoder::new(codings, Sink::new(b"", 0, codings, limit).expect("nothing is announced"))
}

fn decode(codings: Codings, body: &[u8], piece: usize, limit: Option<u64>) -> Result<Sink, Error> {
    let mut decoder = decoder(codings, limit);
    for piece in body.chunks(piece) {
        decoder.write(piece)?;
    }
    decoder.finish()
}

fn assert_corrupt(codings: Codings, body: &[u8], why: &str) {
    for piece in [1, 1000] {
        let outcome = decode(codings, body, piece, Some(1 << 20));
        assert!(matches!(outcome, Err(Error::Protocol(_))), "{codings:?}, {why}: {outcome:?}");
    }
}

#[test]
fn decodes_in_pieces_of_any_size() {
    let plain = text();
    for (coding, body) in encoded() {
        for piece in [1, 7, 1000, body.len()] {
            let sink = decode(only(coding), &body, piece, Some(1 << 20)).expect("a sound body");
            assert!(sink.bytes == plain, "{coding:?} in pieces of {piece}");
            assert_eq!(sink.size, plain.len() as u64);
        }
    }
}

#[test]
fn counts_without_keeping() {
    for (coding, body) in encoded() {
        let sink = decode(only(coding), &body, 1000, None).expect("a sound body");
        assert_eq!((sink.size, sink.bytes.capacity()), (text().len() as u64, 0));
    }
}

#[test]
fn memory_follows_what_is_announced_up_to_a_bound_and_then_what_arrives() {
    let new = |announced, codings, limit| Sink::new(b"head", announced, codings, limit);
    assert_eq!(new(100, Codings::NONE, Some(100)).expect("fits").bytes.capacity(), 104);
    assert_eq!(new(u64::MAX, Codings::NONE, None).expect("counted").bytes.capacity(), 4);
    let large = new(u64::MAX, Codings::NONE, Some(u64::MAX)).expect("fits");
    assert_eq!(large.bytes.capacity() as u64, MAX_RESERVE + 4);
    for codings in [Codings::NONE, Codings::Opaque] {
        assert_eq!(new(101, codings, Some(100)).err(), Some(Error::BodyTooLarge(100)));
    }
    assert!(new(101, only(Coding::Gzip), Some(100)).is_ok());

    let mut sink = new(1000, Codings::NONE, Some(1000)).expect("fits");
    sink.push(&[0; 500]).expect("fits");
    assert!(sink.trimmed().bytes.capacity() < 504 + 504 / 4 + 256);
}

#[test]
fn a_limit_of_exactly_the_size_is_enough() {
    let size = text().len() as u64;
    for (coding, body) in encoded() {
        assert!(decode(only(coding), &body, 1000, Some(size)).is_ok());
        assert_eq!(decode(only(coding), &body, 1000, Some(size - 1)).err(), Some(Error::BodyTooLarge(size - 1)));
    }
    assert_eq!(decode(Codings::NONE, &[0; 11], 4, Some(10)).err(), Some(Error::BodyTooLarge(10)));
    assert!(decode(Codings::NONE, &[0; 10], 4, Some(10)).is_ok());
}

#[test]
fn bodies_cut_short_or_with_more_behind_are_corrupt() {
    for (coding, body) in encoded() {
        for length in 1..body.len() {
            let cut = decode(only(coding), &body[..length], 1000, None);
            assert!(matches!(cut, Err(Error::Protocol(_))), "{coding:?} cut to {length}: {cut:?}");
        }
        assert_corrupt(only(coding), &[&body[..], b"garbage behind it"].concat(), "longer");
    }
}

#[test]
fn an_empty_body_is_empty_in_every_coding() {
    for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
        assert_eq!(decode(only(coding), b"", 1, Some(0)).expect("empty").size, 0);
    }
    let twice = Codings::NONE.and(b"br, gzip");
    assert_eq!(decode(twice, b"", 1, Some(0)).expect("empty").size, 0);
    assert_eq!(decode(twice, &gzip(b""), 1, Some(0)).expect("empty inside").size, 0);
}

#[test]
fn members_and_frames_follow_each_other() {
    let skippable = [&[0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    for (coding, body) in [
        (Coding::Gzip, gzip(b"twice ").repeat(2)),
        (Coding::Zstd, zstd(b"twice ").repeat(2)),
        (Coding::Zstd, [skippable.clone(), zstd(b"twice "), skippable.clone(), zstd(b"twice ")].concat()),
    ] {
        for piece in [1, 3, body.len()] {
            let sink = decode(only(coding), &body, piece, Some(100)).expect("twice");
            assert_eq!(sink.bytes, b"twice twice ", "{coding:?}");
        }
    }
    assert_eq!(decode(only(Coding::Zstd), &skippable, 1, Some(0)).expect("skipped").size, 0);
}

#[test]
fn two_codings_are_undone_last_first() {
    let plain = text();
    let body = gzip(&bytes(BROTLI_TEXT));
    let twice = zstd(&zstd(&plain));
    for (codings, body) in [("br, gzip", body), ("zstd, identity, zstd", twice)] {
        for piece in [1, 1000] {
            let codings = Codings::NONE.and(codings.as_bytes());
            let sink = decode(codings, &body, piece, Some(1 << 20)).expect("a sound body");
            assert!(sink.bytes == plain);
            assert_corrupt(codings, &body[..body.len() - 1], "cut short");
        }
    }
    assert_corrupt(Codings::NONE.and(b"br, gzip"), &gzip(&bytes(BROTLI_TEXT)[..20]), "cut short inside");
}

#[test]
fn headers_of_gzip_may_have_every_part() {
    let level = Compression::default();
    let mut with = GzBuilder::new().extra(vec![1; 300]).filename("a").comment("b").write(Vec::new(), level);
    with.write_all(b"plain").expect("a vector takes all");
    let with = with.finish().expect("a vector takes all");
    assert_eq!(decode(only(Coding::Gzip), &with, 1, Some(10)).expect("sound").bytes, b"plain");

    // The same with an empty extra field, and with a checksum of the header, which flate2 doesn't write.
    let deflated = &gzip(b"plain")[10..];
    let header = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 0, 0];
    let plain = decode(only(Coding::Gzip), &[&header[..], deflated].concat(), 1, Some(10));
    assert_eq!(plain.expect("sound").bytes, b"plain");
    let header = [0x1f, 0x8b, 8, 2, 0, 0, 0, 0, 0, 255];
    let mut sum = flate2::Crc::new();
    sum.update(&header);
    let sum = [sum.sum() as u8, (sum.sum() >> 8) as u8];
    let plain = decode(only(Coding::Gzip), &[&header[..], &sum, deflated].concat(), 1, Some(10));
    assert_eq!(plain.expect("sound").bytes, b"plain");
    assert_corrupt(only(Coding::Gzip), &[&header[..], &[sum[0], !sum[1]], deflated].concat(), "checksum of the header");
}

#[test]
fn changed_bytes_are_found() {
    let body = gzip(b"plain");
    let size = body.len();
    for (at, why) in [(0, "magic"), (1, "magic"), (2, "method"), (3, "flags"), (size - 8, "sum"), (size - 4, "size")] {
        let mut body = body.clone();
        body[at] ^= 0x80;
        assert_corrupt(only(Coding::Gzip), &body, why);
    }
    for (coding, body) in encoded().into_iter().filter(|(coding, _)| *coding != Coding::Gzip) {
        let mut body = body;
        body[0] ^= 0xf0;
        assert_corrupt(only(coding), &body, "first byte");
    }
}

#[test]
fn windows_are_those_of_the_content_coding() {
    assert_corrupt(only(Coding::Brotli), &bytes(BROTLI_LARGE_WINDOW), "large window");
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 1).expect("memory");
    encoder.window_log(24).expect("a window of zstd");
    encoder.write_all(&text()).expect("a vector takes all");
    assert_corrupt(only(Coding::Zstd), &encoder.finish().expect("a vector takes all"), "large window");
}

/// A body of zeros without end: how it starts, a block that is repeated, and what that decodes to in bytes.
struct Bomb {
    codings: Codings,
    start: Vec<u8>,
    block: Vec<u8>,
    plain: usize,
}

/// What a MiB becomes behind others of its kind: blocks that refer to nothing before them and end with a byte.
fn deflated(plain: &[u8]) -> Vec<u8> {
    let mut encoder = Compress::new(Compression::default(), false);
    let mut block = Vec::with_capacity(plain.len() + 100);
    encoder.compress_vec(plain, &mut block, FlushCompress::Full).expect("sound");
    assert!(block.len() < block.capacity(), "there was room for all");
    block
}

fn bombs() -> Vec<Bomb> {
    let zeros = deflated(&vec![0; MIB]);
    let gzip_header = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let [first, further] = BROTLI_ZEROS.map(bytes);
    // A frame of unknown size with a window of 1 MiB, and a block of 128 KiB that repeats one byte.
    let frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 10 << 3];
    let repeat = (((128_u32 << 10) << 3) | (1 << 1)).to_le_bytes();
    let block = [&repeat[..3], &[0]].concat();
    let bomb = |coding, start: &[u8], block: &[u8], plain| Bomb {
        codings: only(coding),
        start: start.to_vec(),
        block: block.to_vec(),
        plain,
    };
    vec![
        bomb(Coding::Gzip, &gzip_header, &zeros, MIB),
        bomb(Coding::Deflate, b"", &zeros, MIB),
        bomb(Coding::Deflate, &[0x78, 0x9c], &zeros, MIB),
        bomb(Coding::Brotli, &first, &further, MIB),
        bomb(Coding::Zstd, &frame, &block, 128 << 10),
        // A gzip bomb in a gzip bomb.
        Bomb {
            codings: Codings::NONE.and(b"gzip, gzip"),
            start: [gzip_header.clone(), deflated(&gzip_header)].concat(),
            block: deflated(&zeros.repeat(64)),
            plain: 64 * MIB,
        },
    ]
}

#[test]
fn ten_gigabytes_end_at_the_limit_in_flat_memory() {
    let limit = 3 * MIB as u64;
    for Bomb { codings, start, block, plain } in bombs() {
        let mut decoder = decoder(codings, Some(limit));
        decoder.write(&start).expect("below the limit");
        let error = (0..(10 << 30) / plain).find_map(|_| decoder.write(&block).err());
        assert_eq!(error, Some(Error::BodyTooLarge(limit)), "{codings:?}");
        let (sink, buffers) = measure(&decoder);
        assert!(sink.bytes.len() as u64 <= limit && sink.bytes.capacity() as u64 <= 2 * limit, "{codings:?}");
        assert!(buffers <= Codings::MAX * OUTPUT_BYTES, "{codings:?}");
    }
}

#[test]
fn what_is_only_counted_needs_no_memory_however_much_it_is() {
    for Bomb { codings, start, block, plain } in bombs() {
        let mut decoder = decoder(codings, None);
        decoder.write(&start).expect("sound");
        let size = measure(&decoder).0.size;
        let blocks = 128 * MIB / plain;
        for _ in 0..blocks {
            decoder.write(&block).expect("sound");
        }
        let (sink, buffers) = measure(&decoder);
        assert_eq!((sink.size - size, sink.bytes.capacity()), ((blocks * plain) as u64, 0), "{codings:?}");
        assert!(buffers <= Codings::MAX * OUTPUT_BYTES, "{codings:?}");
    }
}

#[test]
fn what_is_only_counted_has_a_bound_where_it_is_coded() {
    // The one that is decoded the quickest.
    let Some(Bomb { codings, start, block, .. }) = bombs().into_iter().find(|bomb| bomb.codings == only(Coding::Zstd))
    else {
        panic!("no bomb of zstd")
    };
    let mut decoder = decoder(codings, None);
    decoder.write(&start).expect("sound");
    let blocks = block.repeat(100);
    let error = (0..1000).find_map(|_| decoder.write(&blocks).err());
    assert_eq!(error, Some(Error::BodyTooLarge(MAX_COUNTED)));
}

/// The sink behind a decoder's stages, and the capacity of their buffers in bytes.
fn measure(decoder: &Decoder) -> (&Sink, usize) {
    match decoder {
        Decoder::Identity(sink) => (sink, 0),
        Decoder::Undecided(_, next) => measure(next),
        Decoder::Coded(stage) => {
            let (sink, buffers) = measure(&stage.next);
            (sink, buffers + stage.output.capacity())
        }
    }
}

#[test]
fn much_that_decodes_to_nothing_is_bounded_too() {
    // Empty members without end, in less than a thousandth of them.
    let members = gzip(b"").repeat(MIB / 20 + 10_000);
    let codings = Codings::NONE.and(b"gzip, zstd");
    assert_corrupt(codings, &zstd(&members), "nothing but members");
    assert_eq!(decode(codings, &zstd(&members[..MIB / 20 * 20]), 1000, Some(0)).expect("still sound").size, 0);
    assert_eq!(decode(only(Coding::Gzip), &members, 1000, Some(0)).expect("as it came").size, 0);
}

#[test]
fn codings_are_told_by_name() {
    let parse = |value: &str| Codings::NONE.and(value.as_bytes());
    assert_eq!(parse(" GZip "), only(Coding::Gzip));
    assert_eq!(parse("x-gzip,"), only(Coding::Gzip));
    assert_eq!(parse("deflate"), only(Coding::Deflate));
    assert_eq!(parse("br"), only(Coding::Brotli));
    assert_eq!(parse("identity, zstd"), only(Coding::Zstd));
    assert_eq!(parse("br, gzip"), Codings::Known([Some(Coding::Brotli), Some(Coding::Gzip)]));
    assert_eq!(Codings::of([&b"br"[..], b"gzip"]), parse("br, gzip"));
    for opaque in ["compress", "gzip, gzip, gzip", "gzip, compress", "dcb", "gzip br", "\u{80}"] {
        assert_eq!(parse(opaque), Codings::Opaque, "{opaque}");
    }
    for none in ["", "identity", " , ,"] {
        assert_eq!(parse(none), Codings::NONE, "{none}");
    }
    for coding in Coding::ACCEPTED.split(", ") {
        assert!(Coding::parse(coding.as_bytes()).is_some(), "{coding} is accepted");
    }
}

#[test]
fn codecs_stay_small() {
    // They are put together on the stack of a virtual user before they are boxed.
    for size in [size_of::<Gzip>(), size_of::<Deflate>(), size_of::<Brotli>(), size_of::<Zstd>(), size_of::<Stage>()] {
        assert!(size <= 4096, "{size}");
    }
}
