//! `/assets/…`: the style sheet and the icon.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path};

use crate::http::app::App;

pub async fn asset(app: Data<App>, name: Path<String>) -> HttpResponse {
    match app.pages.asset(&name) {
        Some(asset) => {
            let lifetime = match asset.immutable {
                true => "public, max-age=31536000, immutable",
                false => "public, max-age=86400",
            };
            HttpResponse::Ok()
                .content_type(asset.content_type)
                .insert_header((CACHE_CONTROL, lifetime))
                .body(asset.body.clone())
        }
        None => HttpResponse::NotFound().finish(),
    }
}
