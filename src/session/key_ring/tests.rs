use super::*;

fn key(seed: u8) -> SecretSlice<u8> {
    SecretSlice::from(vec![seed; 64])
}

const LIFETIME: Duration = Duration::from_secs(3600);

fn ring(current: u8, previous: Option<u8>) -> KeyRing {
    let previous = previous.map(key);
    KeyRing::new(&key(current), previous.as_ref(), Clock::default())
}

fn sealed_by(ring: &KeyRing) -> (String, String) {
    let signed = ring.sign(&crate::random::secret());
    (
        signed,
        ring.seal(|keys| &keys.sessions, "here", b"state".to_vec()),
    )
}

fn opened(ring: &KeyRing, (signed, sealed): &(String, String)) -> Option<MadeWith> {
    let row = ring.open(|keys| &keys.sessions, "here", sealed);
    let (cookie, row) = (ring.verify(signed), row.map(|(_, made_with)| made_with));
    assert_eq!(cookie, row, "cookies and rows go together");
    cookie
}

#[test]
fn the_previous_key_opens_and_does_not_seal() {
    let (old, new) = (ring(1, None), ring(2, None));
    let both = ring(2, Some(1));
    assert_eq!(opened(&both, &sealed_by(&old)), Some(MadeWith::Retired));
    assert_eq!(opened(&both, &sealed_by(&new)), Some(MadeWith::Current));
    assert_eq!(opened(&new, &sealed_by(&both)), Some(MadeWith::Current));
    assert_eq!(opened(&old, &sealed_by(&both)), None);
    assert_eq!(opened(&new, &sealed_by(&old)), None);
}

#[test]
fn a_key_that_comes_opens_at_once_and_seals_later() {
    let (old, new) = (ring(1, None), ring(2, None));
    let rotating = ring(1, None);
    let coming = rotating.accept(&key(2));
    assert_eq!(opened(&old, &sealed_by(&rotating)), Some(MadeWith::Current));
    assert_eq!(
        opened(&rotating, &sealed_by(&new)),
        Some(MadeWith::Current),
        "or two processes would re-seal it in turns"
    );
    rotating.promote(&coming, LIFETIME);
    assert_eq!(opened(&new, &sealed_by(&rotating)), Some(MadeWith::Current));
    assert_eq!(opened(&rotating, &sealed_by(&old)), Some(MadeWith::Retired));
}

#[test]
fn of_two_that_come_the_later_counts_and_after_two_rotations_the_first_key_opens_nothing() {
    let rings = [1, 2, 3].map(|seed| ring(seed, None));
    let rotating = ring(1, None);
    let (second, third) = (rotating.accept(&key(2)), rotating.accept(&key(3)));
    rotating.promote(&second, LIFETIME);
    assert_eq!(
        opened(&rotating, &sealed_by(&rings[0])),
        Some(MadeWith::Current)
    );
    rotating.promote(&third, LIFETIME);
    assert_eq!(
        opened(&rotating, &sealed_by(&rings[2])),
        Some(MadeWith::Current)
    );
    let again = rotating.accept(&key(2));
    rotating.promote(&again, LIFETIME);
    assert_eq!(opened(&rotating, &sealed_by(&rings[0])), None);
}

#[test]
fn nothing_made_up_is_taken_for_signed() {
    let signing = ring(1, Some(2));
    let secret = crate::random::secret();
    let signed = signing.sign(&secret);
    assert_eq!(secret_of(&signed), secret);
    assert!(signing.verify(&signed).is_some());
    let other = format!("{}{}", &signed[..PART_LEN], crate::random::secret());
    let mut flipped = signed.clone().into_bytes();
    flipped[0] ^= 1;
    let flipped = String::from_utf8(flipped).unwrap();
    let forged = [
        "",
        &secret,
        &signed[1..],
        &signed[..PART_LEN],
        &other,
        &flipped,
        &signed[..signed.len() - 1],
        &format!("{signed}x"),
        &"é".repeat(43),
        &"=".repeat(86),
    ];
    for forged in forged {
        assert_eq!(signing.verify(forged), None, "{forged}");
    }
}
