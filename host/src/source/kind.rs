//! What bytes are that are no component, by their beginning.

/// What the bytes are, when they are not a component.
pub(super) fn not_a_component(bytes: &[u8]) -> Option<&'static str> {
    // The binary format's preamble: `\0asm`, a version, and a layer: 0 for core modules, 1 for components.
    match bytes {
        [b'\0', b'a', b's', b'm', _, _, layer, 0] => match layer {
            0 => Some("a core WebAssembly module with nothing in it"),
            _ => None,
        },
        [b'\0', b'a', b's', b'm', _, _, 1, 0, ..] => None,
        [b'\0', b'a', b's', b'm', _, _, 0, 0, ..] => Some("a core WebAssembly module"),
        [b'\0', b'a', b's', b'm', ..] => Some("WebAssembly of an unknown version"),
        [] => Some("empty"),
        [b'P', b'K', 3, 4, ..] => Some("a zip archive"),
        [0x1f, 0x8b, ..] => Some("a gzip file"),
        [0x7f, b'E', b'L', b'F', ..] => Some("a native program"),
        _ => Some(text_kind(bytes)),
    }
}

fn text_kind(bytes: &[u8]) -> &'static str {
    let head = &bytes[..bytes.len().min(4096)];
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A character cut in two by the end of what is looked at.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return "a binary file of another kind",
    };
    let start = text.trim_start();
    if start.starts_with("(module") || start.starts_with("(component") || start.starts_with(";;") {
        "WebAssembly in text form"
    } else if start.starts_with("package ") && start.contains(';') {
        "a text file, perhaps WIT or source code"
    } else {
        "a text file, perhaps source code"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_is_called_by_its_name() {
        assert_eq!(not_a_component(b"\0asm\x0d\0\x01\0rest"), None);
        assert_eq!(not_a_component(b"\0asm\x01\0\0\0rest"), Some("a core WebAssembly module"));
        assert_eq!(not_a_component(b"(module)"), Some("WebAssembly in text form"));
        assert_eq!(not_a_component(b"print('hello')"), Some("a text file, perhaps source code"));
        assert_eq!(not_a_component(b"PK\x03\x04zip"), Some("a zip archive"));
        assert_eq!(not_a_component(b""), Some("empty"));
        assert_eq!(not_a_component(b"\xff\xfe\0\x01"), Some("a binary file of another kind"));
    }
}
