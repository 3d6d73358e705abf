//! What a specification must be, told without any network.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use light_client::{Error, LightClient};

async fn refused(specification: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    match LightClient::start(specification, folder.path()).await {
        Err(error @ Error::Specification(_)) => error.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("{specification} was accepted"),
    }
}

#[tokio::test]
async fn what_is_no_specification_is_refused_with_the_way_out() {
    for specification in ["", "{}", "not json", r#"{"name":"x","id":"x","genesis":{"runtime":{}}}"#] {
        assert!(refused(specification).await.contains("matrixai chain spec"));
    }
}

#[tokio::test]
async fn a_state_folder_that_is_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    std::fs::write(&file, "x").unwrap();
    let Err(error) = LightClient::start("{}", &file).await else { panic!("a file is no folder") };
    assert!(error.to_string().contains(&file.display().to_string()), "{error}");
}
