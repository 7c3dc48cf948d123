//! Load, and faults that last: each test takes several seconds.

mod clients;
mod kill;
mod load;
mod lock;
mod postgres;
mod provider;
