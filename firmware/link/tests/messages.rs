//! Messages there and back, and bytes that are none.

#![allow(clippy::unwrap_used)]

use firmware_link::{Answer, Block, LONGEST, LinkError, Request, decode, encode, length};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_request_comes_back_as_it_was(
        hashes in any::<[[u8; 32]; 4]>(),
        time_ms in any::<u64>(),
        blob in prop::collection::vec(any::<u8>(), 0..1_900),
    ) {
        let [genesis, hash, token, request] = hashes;
        let block = Block { genesis, hash, time_ms };
        let (inspector, commitment) = (token, hash);
        let requests = [
            Request::Introduce,
            Request::Anchor { block },
            Request::Enrol { block, token },
            Request::Respond { request, inspector, commitment, id_object: &blob, encrypted_secret: &blob },
            Request::Sign { payload: &blob },
        ];
        for request in requests {
            let mut buffer = [0; LONGEST];
            let frame = encode(&request, &mut buffer).unwrap();
            let (head, body) = frame.split_first_chunk().unwrap();
            prop_assert_eq!(length(*head), Ok(body.len()));
            prop_assert_eq!(decode(body), Ok(request));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode::<Request<'_>>(&bytes);
        let _ = decode::<Answer<'_>>(&bytes);
    }
}

#[test]
fn what_is_too_long_is_refused_on_both_sides() {
    let payload = [0; LONGEST];
    assert_eq!(encode(&Request::Sign { payload: &payload }, &mut [0; LONGEST]), Err(LinkError::TooLong));
    assert_eq!(length([0xFF, 0xFF]), Err(LinkError::TooLong));
    assert_eq!(length([0xFE, 0x0F]), Ok(LONGEST - 2));
    assert_eq!(encode(&Request::Stop, &mut [0; 1]), Err(LinkError::TooLong));
}
