//! Whole modules of slow tests. What `slow::` in a test's path means is in `tests/README.md`.

mod accessible;
mod in_a_browser;
mod sessions_end;
