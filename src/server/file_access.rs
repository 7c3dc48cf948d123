//! Who besides us may read or write a file: what holds a secret, or decides whom we trust, is for its
//! owner alone.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

use nix::unistd::geteuid;

/// What nobody else may do with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read or write it.
    Any,
    /// Write it.
    Write,
}

/// What is wrong with who may do what with `file`, if anything is. `name` is for the advice. The open
/// file is looked at, and not what lies at its path by now.
///
/// # Errors
/// When the file can't be looked at.
pub fn fault(file: &File, access: Access, name: &str) -> io::Result<Option<String>> {
    let metadata = file.metadata()?;
    Ok(judge(metadata.mode(), metadata.uid(), access, name))
}

fn judge(mode: u32, owner: u32, access: Access, name: &str) -> Option<String> {
    let (bits, act, fix) = match access {
        Access::Any => (0o077, "read", "chmod 600"),
        Access::Write => (0o022, "write", "chmod go-w"),
    };
    if mode & bits != 0 {
        let mode = mode & 0o777;
        return Some(format!("others may {act} it (mode {mode:o}): {fix} {name}"));
    }
    let us = geteuid().as_raw();
    (![us, 0].contains(&owner)).then(|| {
        format!("it belongs to another user (uid {owner}), who may {act} it: chown {us} {name}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_for_its_owner_and_that_is_us_or_root() {
        let us = geteuid().as_raw();
        for (access, mode, is_fine) in [
            (Access::Any, 0o100_600, true),
            (Access::Any, 0o100_400, true),
            (Access::Any, 0o100_640, false),
            (Access::Any, 0o100_604, false),
            (Access::Any, 0o100_620, false),
            (Access::Write, 0o100_644, true),
            (Access::Write, 0o100_400, true),
            (Access::Write, 0o100_664, false),
            (Access::Write, 0o100_602, false),
        ] {
            for owner in [us, 0] {
                let fault = judge(mode, owner, access, "it");
                assert_eq!(fault.is_none(), is_fine, "{mode:o}");
            }
            assert!(judge(mode, us + 1, access, "it").is_some());
        }
        assert_eq!(
            judge(0o100_644, us, Access::Any, "doorward.key").unwrap(),
            "others may read it (mode 644): chmod 600 doorward.key"
        );
    }
}
