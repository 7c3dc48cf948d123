//! The places of a worker's connections, of which there are as many as `MAX_CONNECTIONS` allows. Whoever takes the last
//! one makes the connection close that has been idle for the longest, so that idle connections keep nobody out. All
//! connections of a worker are on its thread, so nothing here is shared.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

thread_local! {
    static PLACES: Rc<Places> = Rc::default();
}

/// The places of this thread's worker.
#[derive(Default)]
pub struct Places {
    limit: Cell<usize>,
    taken: RefCell<Vec<Rc<Slot>>>,
    /// Counts what happened, so that it can be told which connection has been idle for longer.
    now: Cell<u64>,
}

struct Slot {
    /// Nothing while a request is under way.
    idle_since: Cell<Option<u64>>,
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
        places
    }

    /// A place for a connection that was accepted.
    pub fn take(self: &Rc<Self>) -> Place {
        let slot = Rc::new(Slot {
            idle_since: Cell::new(Some(self.tick())),
            is_to_close: Cell::new(false),
            reader: RefCell::default(),
        });
        self.taken.borrow_mut().push(Rc::clone(&slot));
        self.make_room(&slot);
        Place {
            slot,
            places: Rc::clone(self),
        }
    }

    /// If no place is left, closes the connection that has been idle for the longest, but not that of `newest`.
    fn make_room(&self, newest: &Rc<Slot>) {
        if !self.are_taken() {
            return;
        }
        let taken = self.taken.borrow();
        let others = taken.iter().filter(|slot| !Rc::ptr_eq(slot, newest));
        let idle = others.filter_map(|slot| Some((slot.idle_since.get()?, slot)));
        if let Some((_, longest)) = idle.min_by_key(|(since, _)| *since) {
            longest.close();
        }
    }

    fn are_taken(&self) -> bool {
        self.taken.borrow().len() >= self.limit.get()
    }

    fn tick(&self) -> u64 {
        self.now.replace(self.now.get() + 1)
    }
}

impl Slot {
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
                if slot.is_to_close.replace(false) {
                    self.places.make_room(slot);
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
        *self.slot.reader.borrow_mut() = Some(context.waker().clone());
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
mod tests {
    use super::*;

    fn places(limit: usize) -> Rc<Places> {
        let places = Rc::<Places>::default();
        places.limit.set(limit);
        places
    }

    fn to_close(places: &[Place]) -> Vec<bool> {
        places.iter().map(Place::is_to_close).collect()
    }

    #[test]
    fn the_last_place_closes_the_connection_that_is_idle_for_the_longest() {
        let places = places(4);
        let mut taken: Vec<_> = (0..3).map(|_| places.take()).collect();
        for (place, is_idle) in [(0, false), (1, false), (1, true), (0, true)] {
            taken[place].set_idle(is_idle);
        }
        assert_eq!(to_close(&taken), [false; 3]);
        taken.push(places.take());
        assert_eq!(to_close(&taken), [false, false, true, false]);
    }

    #[test]
    fn a_connection_with_a_request_stays_and_closes_when_it_is_answered_if_no_place_is_left() {
        let places = places(2);
        let busy = places.take();
        busy.set_idle(false);
        let newest = places.take();
        newest.set_idle(false);
        assert!(!busy.is_to_close() && !newest.is_to_close());
        busy.set_idle(true);
        assert!(busy.is_to_close() && !newest.is_to_close());
        drop(busy);
        newest.set_idle(true);
        assert!(!newest.is_to_close());
    }

    #[test]
    fn a_request_that_comes_in_that_moment_is_served_and_another_connection_closes() {
        let places = places(3);
        let taken = [places.take(), places.take(), places.take()];
        assert_eq!(to_close(&taken), [true, false, false]);
        taken[0].set_idle(false);
        assert_eq!(to_close(&taken), [false, true, false]);
    }
}
