//! Several who watch, as one.

use std::sync::Arc;

use crate::http::{Begun, Hop, Observer, Watch};

/// All of them as one; none where there are none.
pub fn together(mut watches: Vec<Arc<dyn Watch>>) -> Option<Arc<dyn Watch>> {
    if watches.len() > 1 { Some(Arc::new(Watches(watches))) } else { watches.pop() }
}

#[derive(Debug)]
struct Watches(Vec<Arc<dyn Watch>>);

#[derive(Debug)]
struct Observers(Vec<Arc<dyn Observer>>);

impl Watch for Watches {
    fn observer(&self, vu: u32) -> Option<Arc<dyn Observer>> {
        let mut observers: Vec<_> = self.0.iter().filter_map(|watch| watch.observer(vu)).collect();
        if observers.len() > 1 { Some(Arc::new(Observers(observers))) } else { observers.pop() }
    }
}

impl Observer for Observers {
    fn begun(&self, hop: &Begun<'_>) {
        self.0.iter().for_each(|observer| observer.begun(hop));
    }

    fn hop(&self, hop: &Hop<'_>) {
        self.0.iter().for_each(|observer| observer.hop(hop));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::http::Outcome;
    use crate::trace::fixture;

    /// Notes the URLs of virtual users from its number on.
    #[derive(Clone, Debug)]
    struct Notes(u32, Arc<Mutex<Vec<String>>>);

    impl Watch for Notes {
        fn observer(&self, vu: u32) -> Option<Arc<dyn Observer>> {
            (vu >= self.0).then(|| Arc::new(self.clone()) as Arc<dyn Observer>)
        }
    }

    impl Observer for Notes {
        fn begun(&self, hop: &Begun<'_>) {
            let note = format!("{} begins {}", self.0, hop.url);
            self.1.lock().expect("no test panicked with it").push(note);
        }

        fn hop(&self, hop: &Hop<'_>) {
            let note = format!("{} {}", self.0, hop.url);
            self.1.lock().expect("no test panicked with it").push(note);
        }
    }

    #[test]
    fn each_sees_what_it_watches() {
        let notes = Arc::default();
        let watch = |from| Arc::new(Notes(from, Arc::clone(&notes))) as Arc<dyn Watch>;
        let both = together(vec![watch(1), watch(2)]).expect("there are two");
        let response = fixture::ok();
        for (vu, url) in [(0, "/none"), (1, "/one"), (2, "/both")] {
            if let Some(observer) = both.observer(vu) {
                let hop = Hop { url, ..fixture::hop(Outcome::Response(&response)) };
                observer.begun(&fixture::begun(&hop));
                observer.hop(&hop);
            }
        }
        let expected = ["1 begins /one", "1 /one", "1 begins /both", "2 begins /both", "1 /both", "2 /both"];
        assert_eq!(*notes.lock().expect("no test panicked with it"), expected);
        assert!(together(vec![watch(1)]).is_some_and(|one| one.observer(0).is_none()));
        assert!(together(Vec::new()).is_none());
    }
}
