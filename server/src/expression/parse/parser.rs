//! Spark's expression grammar, by precedence. Calls are in `calls`, forms of their own in `forms`,
//! constants in `literal`.

use super::ast::{Ast, OrderItem};
use super::lexer::{Lexeme, Placed, syntax_error, tokens};
use super::literal::text;
use super::render::output_name;
use crate::error::{Error, Result};

/// Expressions nested deeper than this are refused.
const DEPTH_MAX: usize = 200;

/// One expression, without an alias.
pub fn parse_expression(text: &str) -> Result<Ast> {
    let mut parser = Parser::new(text)?;
    let ast = parser.expression()?;
    parser.end()?;
    Ok(ast)
}

/// `expr`, `expr AS a`, `expr AS (a, b)`, `expr a`, `*`, `s.*`.
pub fn parse_select_item(text: &str) -> Result<Ast> {
    let mut parser = Parser::new(text)?;
    let ast = parser.named_expression()?;
    parser.end()?;
    Ok(ast)
}

/// `expr [ASC | DESC] [NULLS FIRST | LAST]`.
pub fn parse_order(text: &str) -> Result<OrderItem> {
    let mut parser = Parser::new(text)?;
    let expression = parser.expression()?;
    let descending = !parser.eat_word("asc") && parser.eat_word("desc");
    let mut nulls_first = !descending;
    if parser.eat_word("nulls") {
        nulls_first = parser.eat_word("first");
        if !nulls_first {
            parser.expect_word("last")?;
        }
    }
    parser.end()?;
    Ok(OrderItem { expression, descending, nulls_first })
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Placed>,
    pub(super) at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Parser<'a>> {
        Ok(Parser { text, tokens: tokens(text)?, at: 0, depth: 0 })
    }

    fn end(&self) -> Result<()> {
        match self.peek() {
            Lexeme::End => Ok(()),
            _ => self.refuse("the end of the expression"),
        }
    }

    /// A place to come back to.
    pub(super) fn mark(&self) -> usize {
        self.at
    }

    pub(super) fn reset(&mut self, mark: usize) {
        self.at = mark;
    }

    pub(super) fn peek(&self) -> &Lexeme {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> &Lexeme {
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)].lexeme
    }

    pub(super) fn advance(&mut self) -> Lexeme {
        let lexeme = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        lexeme
    }

    pub(super) fn refuse<T>(&self, wanted: &str) -> Result<T> {
        let at = self.tokens[self.at].at.start;
        let near = if at < self.text.len() { &self.text[at..] } else { "the end" };
        Err(syntax_error(self.text, &format!("expected {wanted} near `{}`", near.trim_end())).with("at", at))
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), Lexeme::Symbol(found) if found == symbol)
    }

    pub(super) fn eat_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn expect_symbol(&mut self, symbol: &str) -> Result<()> {
        if self.eat_symbol(symbol) { Ok(()) } else { self.refuse(&format!("`{symbol}`")) }
    }

    pub(super) fn is_word_at(&self, ahead: usize, word: &str) -> bool {
        matches!(self.peek_at(ahead), Lexeme::Name { text, quoted: false } if text.eq_ignore_ascii_case(word))
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.is_word_at(0, word)
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.eat_word(word) { Ok(()) } else { self.refuse(&word.to_uppercase()) }
    }

    pub(super) fn name(&mut self) -> Result<String> {
        match self.advance() {
            Lexeme::Name { text, .. } => Ok(text),
            _ => {
                self.at -= 1;
                self.refuse("a name")
            }
        }
    }

    pub(super) fn named_expression(&mut self) -> Result<Ast> {
        let ast = self.expression()?;
        let explicit = self.eat_word("as");
        if self.eat_symbol("(") {
            let mut names = vec![self.name()?];
            while self.eat_symbol(",") {
                names.push(self.name()?);
            }
            self.expect_symbol(")")?;
            return Ok(Ast::Alias(Box::new(ast), names));
        }
        if explicit || matches!(self.peek(), Lexeme::Name { .. }) {
            return Ok(Ast::Alias(Box::new(ast), vec![self.name()?]));
        }
        Ok(ast)
    }

    pub(super) fn expression(&mut self) -> Result<Ast> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Error::user("an expression is nested too deeply").with("max", DEPTH_MAX));
        }
        let ast = self.or();
        self.depth -= 1;
        ast
    }

    fn or(&mut self) -> Result<Ast> {
        let mut left = self.and()?;
        while self.eat_word("or") {
            left = Ast::call("or", vec![left, self.and()?]);
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Ast> {
        let mut left = self.not()?;
        while self.eat_word("and") {
            left = Ast::call("and", vec![left, self.not()?]);
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Ast> {
        let negation = self.is_word("not") || self.is_symbol("!");
        if negation {
            self.advance();
            return Ok(self.nested(Parser::not)?.not());
        }
        let value = self.value(0)?;
        self.predicate(value)
    }

    pub(super) fn nested(&mut self, read: fn(&mut Self) -> Result<Ast>) -> Result<Ast> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Error::user("an expression is nested too deeply").with("max", DEPTH_MAX));
        }
        let ast = read(self);
        self.depth -= 1;
        ast
    }

    /// What may follow a value: BETWEEN, IN, LIKE, IS ...
    fn predicate(&mut self, value: Ast) -> Result<Ast> {
        if self.eat_word("is") {
            return self.is_predicate(value);
        }
        let negated = self.is_word("not")
            && ["between", "in", "like", "ilike", "rlike", "regexp"].iter().any(|w| self.is_word_at(1, w));
        if negated {
            self.advance();
        }
        if self.eat_word("between") {
            let low = self.value(0)?;
            self.expect_word("and")?;
            let high = self.value(0)?;
            return Ok(Ast::call("between", vec![value, low, high]).negated_if(negated));
        }
        if self.eat_word("in") {
            self.expect_symbol("(")?;
            let mut arguments = vec![value];
            arguments.extend(self.arguments()?);
            return Ok(Ast::call("in", arguments).negated_if(negated));
        }
        if self.eat_word("rlike") || self.eat_word("regexp") {
            let pattern = self.value(0)?;
            return Ok(Ast::call("rlike", vec![value, pattern]).negated_if(negated));
        }
        for word in ["like", "ilike"] {
            if self.eat_word(word) {
                return self.like(word, value, negated);
            }
        }
        Ok(value)
    }

    fn is_predicate(&mut self, value: Ast) -> Result<Ast> {
        let negated = self.eat_word("not");
        if self.eat_word("null") || self.eat_word("unknown") {
            return Ok(Ast::call(if negated { "isnotnull" } else { "isnull" }, vec![value]));
        }
        for (word, truth) in [("true", true), ("false", false)] {
            if self.eat_word(word) {
                let constant = super::literal::boolean(truth);
                return Ok(Ast::call("<=>", vec![value, constant]).negated_if(negated));
            }
        }
        self.expect_word("distinct")?;
        self.expect_word("from")?;
        let other = self.value(0)?;
        Ok(Ast::call("<=>", vec![value, other]).negated_if(!negated))
    }

    fn like(&mut self, word: &str, value: Ast, negated: bool) -> Result<Ast> {
        for (quantifier, joiner) in [("any", "or"), ("some", "or"), ("all", "and")] {
            if self.is_word(quantifier) && matches!(self.peek_at(1), Lexeme::Symbol(s) if s == "(") {
                self.advance();
                self.advance();
                let patterns = self.arguments()?;
                let tests = patterns
                    .into_iter()
                    .map(|pattern| Ast::call(word, vec![value.clone(), pattern]).negated_if(negated));
                let joined = tests.reduce(|left, right| Ast::call(joiner, vec![left, right]));
                return joined.map_or_else(|| self.refuse("a pattern"), Ok);
            }
        }
        let mut arguments = vec![value, self.value(0)?];
        if self.eat_word("escape") {
            arguments.push(self.primary()?);
        }
        Ok(Ast::call(word, arguments).negated_if(negated))
    }

    /// Values joined by operators that bind at least as strong as `least`.
    fn value(&mut self, least: u8) -> Result<Ast> {
        let mut left = self.unary()?;
        while let Some((name, strength)) = self.operator() {
            if strength < least {
                break;
            }
            self.advance();
            let right = self.value(strength + 1)?;
            left = match name {
                "!=" => Ast::call("=", vec![left, right]).not(),
                name => Ast::call(name, vec![left, right]),
            };
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(&'static str, u8)> {
        if self.is_word("div") {
            return Some(("div", 7));
        }
        let Lexeme::Symbol(symbol) = self.peek() else { return None };
        Some(match symbol.as_str() {
            "=" | "==" => ("=", 1),
            "<=>" => ("<=>", 1),
            "<>" | "!=" => ("!=", 1),
            "<" => ("<", 1),
            "<=" => ("<=", 1),
            ">" => (">", 1),
            ">=" => (">=", 1),
            "|" => ("|", 2),
            "^" => ("^", 3),
            "&" => ("&", 4),
            "<<" => ("<<", 5),
            ">>" => (">>", 5),
            ">>>" => (">>>", 5),
            "+" => ("+", 6),
            "-" => ("-", 6),
            "||" => ("||", 6),
            "*" => ("*", 7),
            "/" => ("/", 7),
            "%" => ("%", 7),
            _ => return None,
        })
    }

    fn unary(&mut self) -> Result<Ast> {
        if self.is_symbol("-") && matches!(self.peek_at(1), Lexeme::Number { .. }) {
            self.advance();
            let number = self.number(true)?;
            return self.postfix(number);
        }
        for (symbol, name) in [("-", "-"), ("+", "positive"), ("~", "~")] {
            if self.eat_symbol(symbol) {
                return Ok(Ast::call(name, vec![self.nested(Parser::unary)?]));
            }
        }
        self.primary()
    }

    pub(super) fn primary(&mut self) -> Result<Ast> {
        let base = self.base()?;
        self.postfix(base)
    }

    fn postfix(&mut self, mut ast: Ast) -> Result<Ast> {
        loop {
            if self.eat_symbol("[") {
                let index = self.expression()?;
                self.expect_symbol("]")?;
                ast = Ast::Index(Box::new(ast), Box::new(index));
            } else if self.eat_symbol("::") {
                ast = Ast::Cast { value: Box::new(ast), to: self.data_type()?, lenient: false };
            } else if self.is_symbol(".") {
                self.advance();
                if self.eat_symbol("*") {
                    return Ok(Ast::Star(
                        path(&ast).map_or_else(|| self.refuse("a column before `.*`"), Ok)?,
                    ));
                }
                ast = Ast::Field(Box::new(ast), self.name()?);
            } else {
                return Ok(ast);
            }
        }
    }

    fn base(&mut self) -> Result<Ast> {
        match self.peek() {
            Lexeme::Number { .. } => self.number(false),
            Lexeme::Text(_) => Ok(self.string()),
            Lexeme::Hex(_) => self.hex(),
            Lexeme::Symbol(symbol) => match symbol.as_str() {
                "(" => self.parenthesis(),
                "*" => {
                    self.advance();
                    Ok(Ast::Star(Vec::new()))
                }
                _ => self.refuse("a value"),
            },
            Lexeme::Name { quoted, .. } => {
                let quoted = *quoted;
                self.word(quoted)
            }
            Lexeme::End => self.refuse("a value"),
        }
    }

    fn parenthesis(&mut self) -> Result<Ast> {
        self.advance();
        if let Some(parameters) = self.lambda_parameters() {
            let body = self.expression()?;
            return Ok(Ast::Lambda { parameters, body: Box::new(body) });
        }
        if self.is_word("select") || self.is_word("with") {
            return Err(Error::user("a subquery is not an expression here").with("expression", self.text));
        }
        let mut values = vec![self.named_expression()?];
        while self.eat_symbol(",") {
            values.push(self.named_expression()?);
        }
        self.expect_symbol(")")?;
        match values.pop() {
            Some(value) if values.is_empty() => Ok(value),
            last => {
                values.extend(last);
                Ok(row(values))
            }
        }
    }

    /// The names of `(a, b) ->`, if that is what follows the opening parenthesis.
    fn lambda_parameters(&mut self) -> Option<Vec<String>> {
        let mut names = Vec::new();
        let mut ahead = 0;
        loop {
            let Lexeme::Name { text, .. } = self.peek_at(ahead) else { return None };
            names.push(text.clone());
            let Lexeme::Symbol(next) = self.peek_at(ahead + 1) else { return None };
            match next.as_str() {
                "," => ahead += 2,
                ")" => break,
                _ => return None,
            }
        }
        let arrow = matches!(self.peek_at(ahead + 2), Lexeme::Symbol(symbol) if symbol == "->");
        if arrow {
            self.at += ahead + 3;
        }
        arrow.then_some(names)
    }

    fn word(&mut self, quoted: bool) -> Result<Ast> {
        if matches!(self.peek_at(1), Lexeme::Symbol(symbol) if symbol == "->") {
            let parameters = vec![self.name()?];
            self.advance();
            let body = self.expression()?;
            return Ok(Ast::Lambda { parameters, body: Box::new(body) });
        }
        if !quoted && let Some(ast) = self.keyword()? {
            return Ok(ast);
        }
        let name = self.name()?;
        if self.eat_symbol("(") {
            return self.call(name);
        }
        if !quoted
            && ["current_date", "current_timestamp", "localtimestamp", "current_user"]
                .iter()
                .any(|word| name.eq_ignore_ascii_case(word))
        {
            return Ok(Ast::call(&name, Vec::new()));
        }
        Ok(Ast::Name(name))
    }
}

/// `(a, b)`: a struct, its fields named by columns or by place.
fn row(values: Vec<Ast>) -> Ast {
    let named = values.into_iter().enumerate().flat_map(|(place, value)| {
        let (name, value) = match value {
            Ast::Alias(value, names) => (names.join(", "), *value),
            Ast::Name(_) | Ast::Field(..) => (output_name(&value), value),
            value => (format!("col{}", place + 1), value),
        };
        [text(&name), value]
    });
    Ast::call("named_struct", named.collect())
}

/// The names of a column by its qualified name.
fn path(ast: &Ast) -> Option<Vec<String>> {
    match ast {
        Ast::Name(name) => Some(vec![name.clone()]),
        Ast::Field(parent, name) => {
            let mut names = path(parent)?;
            names.push(name.clone());
            Some(names)
        }
        _ => None,
    }
}
