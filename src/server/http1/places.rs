//! The places of a worker's connections, of which there are as many as `MAX_CONNECTIONS` allows. Whoever takes the last
//! one makes the connection close that has been idle for the longest, so that idle connections keep nobody out. A
//! connection has a moment to send its request: where many come at once, they would else close each other, one after the
//! other. All connections of a worker are on its thread, so nothing here is shared.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use actix_web::rt;

/// So long a new connection closes for no other one: its request may be on the way, or the rest of its TLS handshake.
const MOMENT: Duration = Duration::from_millis(200);

thread_local! {
    static PLACES: Rc<Places> = Rc::default();
}

/// The places of this thread's worker.
#[derive(Default)]
pub struct Places {
    limit: Cell<usize>,
    moment: Cell<Duration>,
    /// Whether room is made after a moment.
    is_waiting: Cell<bool>,
    taken: RefCell<Vec<Rc<Slot>>>,
    /// Counts what happened, so that it can be told which connection has been idle for longer.
    now: Cell<u64>,
}

struct Slot {
    /// Nothing while a request is under way.
    idle_since: Cell<Option<u64>>,
    came_at: Instant,
    /// Whether it has had no request yet.
    is_new: Cell<bool>,
    is_to_close: Cell<bool>,
    /// Whoever waits for what the client sends next.
    reader: RefCell<Option<Waker>>,
}

/// The place of one connection, which is idle at first. It is free again when this is dropped.
pub struct Place {
    slot: Rc<Slot>,
    places: Rc<Places>,
}

impl Places {
    /// Those of this thread, `limit` of them, on all its sockets together.
    pub fn of_this_worker(limit: usize) -> Rc<Places> {
        let places = PLACES.with(Rc::clone);
        places.limit.set(limit);
        places.moment.set(MOMENT);
        places
    }

    /// A place for a connection that was accepted.
    pub fn take(self: &Rc<Self>) -> Place {
        let slot = Rc::new(Slot {
            idle_since: Cell::new(Some(self.tick())),
            came_at: Instant::now(),
            is_new: Cell::new(true),
            is_to_close: Cell::new(false),
            reader: RefCell::default(),
        });
        self.taken.borrow_mut().push(Rc::clone(&slot));
        self.make_room(Some(&slot));
        Place {
            slot,
            places: Rc::clone(self),
        }
    }

    /// If no place is left, closes the connection that has been idle for the longest, but not that of `newest`. If all
    /// that are idle have just come, tries again when the first of them has had its moment.
    fn make_room(self: &Rc<Self>, newest: Option<&Rc<Slot>>) {
        if !self.are_taken() {
            return;
        }
        let moment = self.moment.get();
        let taken = self.taken.borrow();
        let others = taken
            .iter()
            .filter(|slot| newest.is_none_or(|newest| !Rc::ptr_eq(slot, newest)));
        let idle = others
            .filter_map(|slot| Some((slot.moment_left(moment), slot.idle_since.get()?, slot)));
        match idle.min_by_key(|(left, since, _)| (*left, *since)) {
            Some((Duration::ZERO, _, longest)) => longest.close(),
            Some((left, ..)) if !self.is_waiting.replace(true) => {
                let places = Rc::clone(self);
                rt::spawn(async move {
                    rt::time::sleep(left).await;
                    places.is_waiting.set(false);
                    places.make_room(None);
                });
            }
            _ => (),
        }
    }

    /// Those of connections that are about to close are as good as free.
    fn are_taken(&self) -> bool {
        let (taken, limit) = (self.taken.borrow(), self.limit.get());
        let stay = || taken.iter().filter(|slot| !slot.is_to_close.get());
        taken.len() >= limit && stay().count() >= limit
    }

    fn tick(&self) -> u64 {
        self.now.replace(self.now.get() + 1)
    }
}

impl Slot {
    /// How much is left of the moment that a new connection has for its request.
    fn moment_left(&self, moment: Duration) -> Duration {
        match self.is_new.get() {
            true => moment.saturating_sub(self.came_at.elapsed()),
            false => Duration::ZERO,
        }
    }

    fn close(&self) {
        self.is_to_close.set(true);
        self.wake();
    }

    fn wake(&self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl Place {
    /// Whether a request is under way on the connection now. If no place is left, a connection that becomes idle closes.
    /// One that was to close and got a request in that very moment stays, and another closes for it.
    pub fn set_idle(&self, is_idle: bool) {
        let slot = &self.slot;
        match (is_idle, slot.idle_since.get()) {
            (true, None) => {
                slot.idle_since.set(Some(self.places.tick()));
                if self.places.are_taken() {
                    slot.close();
                }
            }
            (false, Some(_)) => {
                slot.idle_since.set(None);
                slot.is_new.set(false);
                if slot.is_to_close.replace(false) {
                    self.places.make_room(Some(slot));
                }
            }
            (true, Some(_)) | (false, None) => (),
        }
    }

    /// Whether the connection must close, unless the client has sent a request meanwhile.
    pub fn is_to_close(&self) -> bool {
        self.slot.is_to_close.get()
    }

    /// Has the task of `context` woken when the connection must close, and by [`Place::wake`].
    pub fn wait(&self, context: &Context<'_>) {
        let mut reader = self.slot.reader.borrow_mut();
        match reader.as_mut() {
            Some(waker) => waker.clone_from(context.waker()),
            None => *reader = Some(context.waker().clone()),
        }
    }

    /// Wakes the task that waits.
    pub fn wake(&self) {
        self.slot.wake();
    }

    /// The result of `work`; nothing if the connection must close first.
    pub async fn unless_closed<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if self.is_to_close() => Poll::Ready(None),
            Poll::Pending => {
                self.wait(context);
                Poll::Pending
            }
        })
        .await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.borrow_mut();
        if let Some(index) = taken.iter().position(|slot| Rc::ptr_eq(slot, &self.slot)) {
            taken.swap_remove(index);
        }
    }
}

#[cfg(test)]
mod tests;
