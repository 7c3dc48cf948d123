//! Load, and faults that last: each test takes several seconds.

mod clients;
mod kill;
mod load;
mod lock;
mod no_writes;
mod postgres;
mod provider;
mod silence;
