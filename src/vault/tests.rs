use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;

use bytes::Bytes;
use futures::StreamExt;
use secrecy::SecretString;

use super::{
    Error, Identity, Keyring, Sealed, SealedBytes, open, open_reader, read_index_key, read_key_file,
    write_index_key,
};

/// Around the edges of age's chunks of 64 KiB, and of the pieces that a store asks for. The judge is the age crate.
const SIZES: [usize; 11] =
    [0, 1, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 196_608, 1_000_000, 3_000_001];

fn plaintext_of(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i % 251) as u8).collect()
}

#[tokio::test]
async fn a_stream_sealed_in_odd_pieces_opens_to_the_same_bytes() {
    let identity = Identity::generate();
    for (size, piece_bytes) in
        SIZES.into_iter().flat_map(|size| [(size, 65_536), (size, 300_000), (size, 1 << 20)])
    {
        let plaintext = plaintext_of(size);
        for sent in [7_001, 65_536, 2_000_000] {
            let pieces: Vec<_> =
                plaintext.chunks(sent).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            let sealed = Sealed::stream(&[identity.recipient()], futures::stream::iter(pieces)).unwrap();
            let chunks: Vec<_> = sealed.in_pieces(piece_bytes).map(Result::unwrap).collect().await;
            let (last, full) = chunks.split_last().unwrap();
            assert!(full.iter().all(|piece| piece.len() == piece_bytes) && last.len() <= piece_bytes);
            assert_eq!(*open(&identity, &chunks.concat()).unwrap(), plaintext, "{size} bytes in {sent}");
        }
    }
}

#[test]
fn bytes_sealed_whole_open_for_every_recipient_and_never_look_the_same() {
    let identities = [Identity::generate(), Identity::generate()];
    let recipients = identities.each_ref().map(Identity::recipient);
    for size in SIZES {
        let plaintext = plaintext_of(size);
        let sealed = SealedBytes::seal(&recipients, &plaintext).unwrap();
        for identity in &identities {
            assert_eq!(*open(identity, sealed.as_bytes()).unwrap(), plaintext, "{size} bytes");
        }
        let again = SealedBytes::seal(&recipients, &plaintext).unwrap();
        // Headers differ in length, by age's grease; the last chunk's 16-byte tag is there whatever the size.
        let payload =
            |sealed: &SealedBytes| sealed.as_bytes()[sealed.as_bytes().len() - size - 16..].to_vec();
        assert_ne!(payload(&sealed), payload(&again), "{size} bytes");
    }
    assert!(SealedBytes::seal(&[], b"for nobody").is_err());
}

#[tokio::test]
async fn a_broken_stream_stays_broken() {
    let pieces = [Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("cut"))];
    let recipient = Identity::generate().recipient();
    let mut sealed = Sealed::stream(&[recipient], futures::stream::iter(pieces)).unwrap();
    assert!(sealed.next().await.is_some_and(|item| item.is_err()));
}

#[test]
fn every_altered_byte_is_noticed() {
    let identity = Identity::generate();
    let sealed = SealedBytes::seal(&[identity.recipient()], b"payload").unwrap();
    for i in 0..sealed.as_bytes().len() {
        let mut altered = sealed.as_bytes().to_vec();
        altered[i] ^= 1;
        assert!(open(&identity, &altered).is_err(), "byte {i}");
    }
    assert!(matches!(open(&Identity::generate(), sealed.as_bytes()), Err(Error::WrongKey)));
}

#[test]
fn a_range_is_read_without_the_rest() {
    let identity = Identity::generate();
    let plaintext: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let sealed = SealedBytes::seal(&[identity.recipient()], &plaintext).unwrap();
    let mut reader = open_reader(&identity, std::io::Cursor::new(sealed.as_bytes().clone())).unwrap();
    reader.seek(SeekFrom::Start(1_000_000)).unwrap();
    let mut range = [0; 100];
    reader.read_exact(&mut range).unwrap();
    assert_eq!(range, plaintext[1_000_000..1_000_100]);
}

#[test]
fn a_key_file_is_owner_only_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let identity = Identity::generate();
    identity.write_file(&path, None, "lantai/x+1+k").unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(read_key_file(&path, None).unwrap().identity.recipient() == identity.recipient());
    assert!(Identity::generate().write_file(&path, None, "lantai/x+1+k").is_err());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(read_key_file(&path, None), Err(Error::Exposed)));
}

#[test]
fn a_locked_key_file_needs_its_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let identity = Identity::generate();
    let right = SecretString::from("correct horse".to_owned());
    identity.write_file(&path, Some(&right), "lantai/x+1+k").unwrap();
    assert!(!std::fs::read(&path).unwrap().windows(14).any(|w| w == b"AGE-SECRET-KEY"));
    assert!(matches!(read_key_file(&path, None), Err(Error::Locked)));
    let wrong = SecretString::from("wrong".to_owned());
    assert!(matches!(read_key_file(&path, Some(&wrong)), Err(Error::Locked)));
    assert!(read_key_file(&path, Some(&right)).unwrap().identity.recipient() == identity.recipient());
}

#[test]
fn the_key_of_the_index_is_opened_by_the_archive_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.key.age");
    let keyring = Keyring::new(Identity::generate(), Identity::generate());
    assert!(read_index_key(&path, &keyring).unwrap().is_none());
    write_index_key(&path, &keyring, &[1; 32]).unwrap();
    write_index_key(&path, &keyring, &[7; 32]).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(!std::fs::read(&path).unwrap().windows(8).any(|w| w == b"07070707" || w == [7; 8]));
    assert_eq!(*read_index_key(&path, &keyring).unwrap().unwrap(), [7; 32]);
    // While the archive's key is rotated the former one opens it; afterwards it must have been sealed again.
    keyring.replace_archive(Identity::generate());
    assert_eq!(*read_index_key(&path, &keyring).unwrap().unwrap(), [7; 32]);
    keyring.forget_former();
    assert!(read_index_key(&path, &keyring).unwrap().is_none());
    let short = SealedBytes::seal(&[keyring.archive_recipient()], b"0707").unwrap();
    for no_key in [b"age-encryption.org/v1\nno".as_slice(), b"", &short.as_bytes()[..]] {
        std::fs::write(&path, no_key).unwrap();
        assert!(read_index_key(&path, &keyring).unwrap().is_none());
    }
}

#[test]
fn derived_keys_differ_by_purpose_and_identity() {
    let (a, b) = (Identity::generate(), Identity::generate());
    assert!(a.derive("records").as_bytes() == a.derive("records").as_bytes());
    assert!(a.derive("records").as_bytes() != a.derive("index").as_bytes());
    assert!(a.derive("records").as_bytes() != b.derive("records").as_bytes());
    assert!(a.derive("records").as_bytes() != &[0; 32]);
}
