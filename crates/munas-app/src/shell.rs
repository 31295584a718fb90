//! Arguments as one types them in a POSIX shell.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

use munas_report::visible;

/// A path as an argument of a command that the user may copy: quoted where that is needed, and never taken for an option.
pub fn quoted(path: &Path) -> String {
    let path = match path.as_os_str().as_encoded_bytes().first() {
        Some(b'-') => Cow::Owned(Path::new(".").join(path)),
        _ => Cow::Borrowed(path),
    };
    quoted_text(path.as_os_str())
}

fn quoted_text(argument: &OsStr) -> String {
    let is_safe = |c: char| c.is_alphanumeric() || "-_./:,+@%=".contains(c);
    match argument.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(is_safe) => text.to_owned(),
        Some(text) if matches!(visible(text), Cow::Borrowed(_)) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => format!(
            "$'{}'",
            argument.as_encoded_bytes().iter().map(|&byte| escaped(byte)).collect::<String>()
        ),
    }
}

/// A byte within `$'…'`.
fn escaped(byte: u8) -> String {
    match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn names_are_quoted_where_it_is_needed() {
        for (path, expected) in [
            ("runs/quick-start-1", "runs/quick-start-1"),
            ("größe/尺寸", "größe/尺寸"),
            ("my runs/a", "'my runs/a'"),
            ("it's", r"'it'\''s'"),
            ("-o", "./-o"),
            ("-a b", "'./-a b'"),
            ("~/x", "'~/x'"),
            ("$(rm) `x` #1 * \"", "'$(rm) `x` #1 * \"'"),
            ("", "''"),
            ("a\x1b[31m\n'", r"$'a\x1b[31m\x0a\''"),
        ] {
            assert_eq!(quoted(Path::new(path)), expected);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_them_back() {
        use std::os::unix::ffi::OsStrExt;

        let has_bash =
            Command::new("bash").arg("-c").arg("true").status().is_ok_and(|status| status.success());
        if !has_bash {
            // The sh of some systems does not know $'…' yet.
            return;
        }
        for bytes in
            [&b"a b"[..], b"it's", b"$HOME `x` \"\\", b"a\n\x1b[0m'\\", b"\xff\xfe", "é\u{202e}".as_bytes()]
        {
            let path = Path::new(OsStr::from_bytes(bytes));
            let output =
                Command::new("bash").arg("-c").arg(format!("printf %s {}", quoted(path))).output().unwrap();
            assert_eq!(output.stdout, bytes, "{}", quoted(path));
        }
    }
}
