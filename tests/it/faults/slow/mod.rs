//! Load, and faults that last: each test takes several seconds.

mod clients;
mod full_disk;
mod kill;
mod load;
mod lock;
mod no_writes;
mod postgres;
mod provider;
mod silence;
