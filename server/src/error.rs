//! The one error type: what we tried, the facts, the cause, and who must act. Knows nothing of the domain.

use std::fmt;

/// Who must act. A new kind is added only if a caller would do something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The user: the query file, an option, an expression or a module is wrong.
    User,
    /// Nobody yet: a peer did not answer or refused for now; trying again may help.
    External,
    /// An operator: stored bytes are wrong or gone. Going on would lose or double rows.
    Data,
    /// Us: a broken invariant.
    Internal,
}

impl ErrorKind {
    /// The exit code of the process that ends with this kind: 1 internal, 2 user, 3 external, 4 data.
    pub fn exit_code(self) -> u8 {
        match self {
            ErrorKind::Internal => 1,
            ErrorKind::User => 2,
            ErrorKind::External => 3,
            ErrorKind::Data => 4,
        }
    }
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failure. `Display` gives one line: the message, then facts as key=`value`.
///
/// The cause is linked, not pasted in; [`Error::report`] prints the chain once, at the edge.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    facts: Vec<(&'static str, String)>,
    detail: Option<String>,
    hint: Option<String>,
    cause: Option<Cause>,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// `message` says what was tried: lower case, no final stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            facts: Vec::new(),
            detail: None,
            hint: None,
            cause: None,
        }))
    }

    pub fn user(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::User, message)
    }

    pub fn external(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::External, message)
    }

    pub fn data(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Data, message)
    }

    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Internal, message)
    }

    /// Adds a fact, printed as key=`value`.
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Error {
        self.0.facts.push((key, value.to_string()));
        self
    }

    /// Adds what a user needs to see to understand, such as the text at fault.
    pub fn detail(mut self, detail: impl Into<String>) -> Error {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds what would work.
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hint = Some(hint.into());
        self
    }

    /// Links the cause.
    pub fn because(mut self, cause: impl Into<Cause>) -> Error {
        self.0.cause = Some(cause.into());
        self
    }

    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The value of a fact added with [`Error::with`].
    pub fn fact(&self, key: &str) -> Option<&str> {
        let found = self.0.facts.iter().find(|(name, _)| *name == key);
        found.map(|(_, value)| value.as_str())
    }

    /// Everything a person at a terminal needs, causes included, over several lines.
    pub fn report(&self) -> String {
        let mut text = format!("error: {self}");
        let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(self);
        let (mut details, mut hints) = (vec![&self.0.detail], vec![&self.0.hint]);
        while let Some(error) = cause {
            text.push_str(&format!("\n  because: {error}"));
            if let Some(inner) = error.downcast_ref::<Error>() {
                details.push(&inner.0.detail);
                hints.push(&inner.0.hint);
            }
            cause = error.source();
        }
        for detail in details.into_iter().flatten() {
            text.push_str(&format!("\n  {}", detail.replace('\n', "\n  ")));
        }
        for hint in hints.into_iter().flatten() {
            text.push_str(&format!("\n  hint: {hint}"));
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for (key, value) in &self.0.facts {
            write!(f, " {key}=`{value}`")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_ref().map(|cause| cause.as_ref() as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_prints_the_chain_once_then_details_and_hints() {
        let cause = Error::external("connect").with("address", "127.0.0.1:1").hint("start the broker");
        let error = Error::user("read the topic").with("topic", "t").because(cause);
        assert_eq!(error.to_string(), "read the topic topic=`t`");
        assert_eq!(
            error.report(),
            "error: read the topic topic=`t`\n  because: connect address=`127.0.0.1:1`\n  hint: start the broker"
        );
    }
}
