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
fn connections_that_are_answered_at_once_do_not_all_close() {
    let places = places(3);
    let taken = [places.take(), places.take(), places.take()];
    taken.iter().for_each(|place| place.set_idle(false));
    taken.iter().for_each(|place| place.set_idle(true));
    assert_eq!(to_close(&taken), [true, false, false]);
}

#[actix_web::test]
async fn a_connection_has_a_moment_to_send_its_request() {
    let places = places(2);
    places.moment.set(Duration::from_millis(50));
    let (came, taken) = (Instant::now(), [places.take(), places.take()]);
    assert_eq!(to_close(&taken), [false, false]);
    while !taken[0].is_to_close() {
        rt::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(came.elapsed() >= Duration::from_millis(50));
    assert!(!taken[1].is_to_close());
}

#[test]
fn a_request_that_comes_in_that_moment_is_served_and_another_connection_closes() {
    let places = places(3);
    let taken = [places.take(), places.take(), places.take()];
    assert_eq!(to_close(&taken), [true, false, false]);
    taken[0].set_idle(false);
    assert_eq!(to_close(&taken), [false, true, false]);
}
