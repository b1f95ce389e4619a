//! How many instances one of a component comes to, at the most.
//!
//! A component may have others in it, and make several instances of each, which have others in them: a few hundred
//! bytes can come to more instances than a machine has room for, and their compiler finds that out one by one. So they
//! are multiplied here. Which of the components before it an instance is of is not looked up: it counts as the largest.

use wasmparser::{ComponentInstance, Payload};

/// Counts instances, of core modules and of components.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Instances {
    /// The components and modules around what is read, the outermost component not among them.
    around: Vec<Frame>,
    outermost: Frame,
    /// What the largest component that was read comes to.
    largest: u64,
}

/// A component, or a module, which has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Frame {
    of_modules: u64,
    of_components: u64,
}

impl Frame {
    fn instances(&self, largest: u64) -> u64 {
        self.of_modules.saturating_add(self.of_components.saturating_mul(largest.saturating_add(1)))
    }
}

impl Instances {
    pub(super) fn add(&mut self, payload: &Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => self.around.push(Frame::default()),
            Payload::End(_) => {
                if let Some(frame) = self.around.pop() {
                    self.largest = self.largest.max(frame.instances(self.largest));
                }
            }
            // Counted one by one: the number that a section begins with may be anything.
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    instance?;
                    self.innermost().of_modules += 1;
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    if let ComponentInstance::Instantiate { .. } = instance? {
                        self.innermost().of_components += 1;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.outermost.instances(self.largest)
    }

    fn innermost(&mut self) -> &mut Frame {
        self.around.last_mut().unwrap_or(&mut self.outermost)
    }
}

#[cfg(test)]
mod tests {
    use crate::component::Shape;

    /// What a component of these levels comes to, each of which makes so many instances of the one below it.
    fn count(levels: u32, times: usize) -> u64 {
        let mut text = "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
        for level in 1..=levels {
            let below = level - 1;
            let made = format!("(instance (instantiate $c{below}))").repeat(times);
            text += &format!("(component $c{level} (alias outer 1 $c{below} (component $c{below})) {made})");
        }
        let bytes =
            wat::parse_str(format!("(component {text} (instance (instantiate $c{levels})))")).expect("it is valid");
        Shape::read(&bytes).expect("it is well-formed").instances
    }

    #[test]
    fn what_multiplies_is_multiplied() {
        assert_eq!(count(0, 1), 2);
        assert_eq!(count(1, 1), 3);
        assert_eq!(count(3, 2), 23);
        assert!(count(60, 2) > 1 << 60);
        assert_eq!(count(70, 3), u64::MAX);
    }
}
