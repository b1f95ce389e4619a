//! What the demo target remembers: accounts, and the cities that each of them added.
//!
//! It owns the bounds on the application's memory and knows nothing of HTTP, tokens or faults.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Identifies an account; from 1, in the order of registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct UserId(pub(super) u64);

/// Accounts and cities, with at most `capacity` of each. The oldest makes room for a new one, so that a run of any
/// length goes on working: what a virtual user just added is there, whatever came before it.
pub(super) struct Store {
    users: Ring<User>,
    by_email: HashMap<Arc<str>, UserId>,
    cities: Ring<City>,
}

struct User {
    email: Arc<str>,
    password: Box<str>,
}

struct City {
    owner: UserId,
    name: Box<str>,
}

impl Store {
    /// An empty store for at most `capacity` accounts and as many cities.
    pub(super) fn new(capacity: usize) -> Self {
        Self { users: Ring::new(capacity), by_email: HashMap::new(), cities: Ring::new(capacity) }
    }

    /// Opens an account; none where the e-mail address already has one.
    pub(super) fn register(&mut self, email: &str, password: String) -> Option<UserId> {
        if self.by_email.contains_key(email) {
            return None;
        }
        let email: Arc<str> = email.into();
        let (id, oldest) = self.users.push(User { email: Arc::clone(&email), password: password.into() });
        if let Some(oldest) = oldest {
            self.by_email.remove(&oldest.email);
        }
        self.by_email.insert(email, UserId(id));
        Some(UserId(id))
    }

    /// The account with that e-mail address and password.
    pub(super) fn log_in(&self, email: &str, password: &str) -> Option<UserId> {
        let id = *self.by_email.get(email)?;
        let user = self.users.get(id.0)?;
        (*user.password == *password).then_some(id)
    }

    /// Whether that account is still there.
    pub(super) fn has_user(&self, user: UserId) -> bool {
        self.users.get(user.0).is_some()
    }

    /// Stores a city under its owner and returns its id.
    pub(super) fn add_city(&mut self, owner: UserId, name: &str) -> u64 {
        self.cities.push(City { owner, name: name.into() }).0
    }

    /// The name of that city, where `user` owns it.
    pub(super) fn city(&self, user: UserId, id: u64) -> Option<&str> {
        self.cities.get(id).filter(|city| city.owner == user).map(|city| &*city.name)
    }
}

/// The newest `capacity` items of a sequence that is numbered from 1: a lookup is an index computation, not a hash.
struct Ring<T> {
    items: VecDeque<T>,
    /// The number of `items[0]`.
    first: u64,
    capacity: usize,
}

impl<T> Ring<T> {
    fn new(capacity: usize) -> Self {
        Self { items: VecDeque::new(), first: 1, capacity: capacity.max(1) }
    }

    /// Appends an item; returns its number and what had to make room for it.
    fn push(&mut self, item: T) -> (u64, Option<T>) {
        let oldest = if self.items.len() == self.capacity { self.items.pop_front() } else { None };
        self.first += u64::from(oldest.is_some());
        self.items.push_back(item);
        (self.first + self.items.len() as u64 - 1, oldest)
    }

    fn get(&self, number: u64) -> Option<&T> {
        let index = number.checked_sub(self.first)?;
        self.items.get(usize::try_from(index).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::{Ring, Store};

    #[test]
    fn a_ring_keeps_the_newest_items_under_their_first_numbers() {
        let mut ring = Ring::new(3);
        for (number, item) in (1..).zip(["a", "b", "c"]) {
            assert_eq!(ring.push(item), (number, None));
        }
        assert_eq!(ring.push("d"), (4, Some("a")));
        assert_eq!(ring.push("e"), (5, Some("b")));
        let seen: Vec<_> = (0..8).map(|number| ring.get(number).copied()).collect();
        assert_eq!(seen, [None, None, None, Some("c"), Some("d"), Some("e"), None, None]);
    }

    #[test]
    fn an_email_address_belongs_to_one_account() {
        let mut store = Store::new(10);
        let ada = store.register("ada@example.org", "one".to_owned());
        assert!(ada.is_some());
        assert_eq!(store.register("ada@example.org", "two".to_owned()), None);
        assert_eq!(store.log_in("ada@example.org", "one"), ada);
        assert_eq!(store.log_in("ada@example.org", "two"), None);
        assert_eq!(store.log_in("bob@example.org", "one"), None);
    }

    #[test]
    fn the_oldest_account_makes_room_and_frees_its_email_address() -> Result<(), &'static str> {
        let mut store = Store::new(2);
        let emails = ["a@x", "b@x", "c@x"];
        let ids: Vec<_> = emails.iter().filter_map(|email| store.register(email, "p".to_owned())).collect();
        let held: Vec<_> = ids.iter().map(|id| store.has_user(*id)).collect();
        assert_eq!(held, [false, true, true]);
        assert_eq!(store.by_email.len(), 2);
        let again = store.register("a@x", "q".to_owned()).ok_or("the address of a dropped account is free")?;
        assert_ne!(again, ids[0], "an id is never given out twice");
        assert_eq!(store.log_in("a@x", "p"), None);
        Ok(())
    }

    #[test]
    fn a_city_is_seen_by_its_owner_alone() -> Result<(), &'static str> {
        let mut store = Store::new(10);
        let ada = store.register("ada@x", "p".to_owned()).ok_or("free")?;
        let bob = store.register("bob@x", "p".to_owned()).ok_or("free")?;
        let oslo = store.add_city(ada, "Oslo");
        assert_eq!(store.city(ada, oslo), Some("Oslo"));
        assert_eq!(store.city(bob, oslo), None);
        assert_eq!(store.city(ada, oslo + 1), None);
        Ok(())
    }
}
