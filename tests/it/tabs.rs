//! Many tabs that return at once after a session ended: a person who is signed in by then does not see "Allow cookies".

use futures_util::future::join_all;

use crate::on_both;
use crate::support::{Answer, Visitor};

const ALLOW_COOKIES: &str = "Your browser did not keep our sign-in cookie, even on the second try.";

/// The tab's last answer: its attempts were pushed out by other tabs', each time.
async fn used_up(tab: &Visitor) -> Answer {
    let callback = tab.callback_for("ada").await;
    tab.forget_all();
    let mut answer = tab.get(&callback).await;
    for _ in 0..2 {
        tab.forget_all();
        let back = tab.get(answer.location()).await;
        answer = tab.get(back.location()).await;
    }
    answer
}

on_both! {
    async fn a_tab_whose_tries_are_used_up_finds_the_session_of_another(app: TestApp) {
        let tab = app.visitor();
        let looks_again = used_up(&tab).await;
        assert!(looks_again.location().starts_with("/authorization-code/callback?state="));
        assert!(!looks_again.location().contains("code="));
        // Meanwhile another tab of the browser has signed in.
        tab.sign_in("ada").await;
        assert_eq!(tab.get(looks_again.location()).await.location(), "/profile");
    }

    async fn without_a_session_it_is_told_after_one_more_look(app: TestApp) {
        let tab = app.visitor();
        let looks_again = used_up(&tab).await;
        let told = tab.get(looks_again.location()).await;
        assert_eq!(told.refusal(), (403, ALLOW_COOKIES.to_owned()));
        let again = tab.get(looks_again.location()).await;
        assert_eq!(again.refusal(), (403, ALLOW_COOKIES.to_owned()), "and there it ends");
    }

    async fn fifteen_tabs_at_once_all_arrive(app: TestApp) {
        let ada = app.visitor();
        ada.sign_in("ada").await;
        app.storage().execute("DELETE FROM sessions");
        app.clock.shift(time::Duration::seconds(10));
        let tabs = (0..15).map(|tab| arrive(ada.clone(), format!("/profile?tab={tab}")));
        for (tab, answer) in join_all(tabs).await.into_iter().enumerate() {
            assert_eq!(answer.status, 200, "tab {tab}: {:?}", answer.refusal());
            assert!(answer.has("claim-subject"), "tab {tab}");
        }
    }
}

/// Goes where it is led until there is a page.
async fn arrive(tab: Visitor, path: String) -> Answer {
    let mut answer = tab.get(&path).await;
    for _ in 0..20 {
        if answer.status != 303 {
            break;
        }
        answer = tab.get(answer.location()).await;
    }
    answer
}
