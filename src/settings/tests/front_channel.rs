//! Who may show the page of front-channel logout in a frame.

use super::read;

#[test]
fn front_channel_logout_is_off_and_its_frames_are_origins() {
    let frames = |variables: &[(&str, &str)]| {
        let settings = read(variables).ok().unwrap();
        settings.provider.frontchannel_logout
    };
    assert_eq!(frames(&[]), None);
    let more = (
        "OIDC_FRONTCHANNEL_FRAMES",
        "https://a.example https://b.example:8443/, https://[::1]",
    );
    assert_eq!(frames(&[more]), None);
    let on = ("OIDC_FRONTCHANNEL_LOGOUT", "true");
    assert_eq!(frames(&[on]).unwrap(), ["https://op.example"]);
    assert_eq!(
        frames(&[
            on,
            more,
            ("OIDC_ISSUER", "https://op.example:444/oauth2/default")
        ])
        .unwrap(),
        [
            "https://op.example:444",
            "https://a.example",
            "https://b.example:8443",
            "https://[::1]"
        ]
    );
}
