// path.hpp - mailboxes and paths (RFC 5321 4.1.2), valid by construction.
//
// An address is parsed once; what goes to the wire is the parsed text, quoting included, so that the server
// reads the same local part and domain as we did. Nothing that parsed holds CR, LF, NUL or another control
// character.
#pragma once

#include "postrider/features.hpp"
#include "postrider/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postrider {

/// `local-part@domain` or `local-part@[literal]`. Refers to the text it was parsed from, which must outlive
/// it.
class mailbox {
  public:
    constexpr mailbox() noexcept = default;
    // Member by member: copied as one, right after it was parsed, it would have to be waited for.
    constexpr mailbox(const mailbox& other) noexcept : data_(other.data_), sizes_(other.sizes_) {}
    // NOLINTNEXTLINE(bugprone-unhandled-self-assignment): it stays what it is
    constexpr mailbox& operator=(const mailbox& other) noexcept {
        data_ = other.data_;
        sizes_ = other.sizes_;
        return *this;
    }

    /// RFC 5321 syntax, with RFC 6531's UTF-8 when the engine is built with SMTPUTF8. No angle brackets,
    /// comments or white space around it. Limits of RFC 5321 4.5.3.1: local part 64 octets, domain 255, the
    /// whole 254. Errors: bad_address, address_too_long.
    static result<mailbox> parse(std::string_view text) noexcept;

    /// For devices whose users write `<a@b>`, `a` alone or names that RFC 5321 would have quoted: takes off
    /// one pair of angle brackets and refuses only what could break the command line: control characters,
    /// stray brackets, white space outside quotes, an unfinished quoted string, more than 254 octets, nothing
    /// at all.
    static result<mailbox> parse_lenient(std::string_view text) noexcept;

    /// As it goes to the wire.
    constexpr std::string_view text() const noexcept { return {data_, size()}; }
    /// With its quotes when it is a quoted string.
    constexpr std::string_view local_part() const noexcept { return {data_, at()}; }
    /// Empty for a local part alone (parse_lenient).
    constexpr std::string_view domain() const noexcept {
        return at() < size() ? std::string_view{data_ + at() + 1, size() - at() - 1} : std::string_view{};
    }
    constexpr bool empty() const noexcept { return size() == 0; }
    /// Needs SMTPUTF8.
    constexpr bool is_utf8() const noexcept { return (sizes_ >> 16U) != 0; }

  private:
    constexpr mailbox(const char* data, std::size_t size, std::size_t at, bool utf8) noexcept
        : data_(data), sizes_(static_cast<std::uint32_t>(size | at << 8U | (utf8 ? 1U : 0U) << 16U)) {}
    constexpr std::size_t size() const noexcept { return sizes_ & 0xFFU; }
    constexpr std::size_t at() const noexcept { return sizes_ >> 8U & 0xFFU; } // size of the local part

    const char* data_ = "";
    std::uint32_t sizes_ = 0; // both, and whether it is UTF-8
};

/// The sender of an envelope: a mailbox, or the null path `<>` of notifications (RFC 5321 4.5.5).
class reverse_path {
  public:
    /// The null reverse-path.
    constexpr reverse_path() noexcept = default;
    constexpr reverse_path(const mailbox& m) noexcept : mailbox_(m) {}
    /// As mailbox::parse; the empty text and `<>` give the null path.
    static result<reverse_path> parse(std::string_view text) noexcept;

    constexpr bool is_null() const noexcept { return mailbox_.empty(); }
    constexpr std::string_view text() const noexcept { return mailbox_.text(); }
    constexpr const mailbox& address() const noexcept { return mailbox_; }
    constexpr bool is_utf8() const noexcept { return mailbox_.is_utf8(); }

  private:
    mailbox mailbox_;
};

/// A recipient of an envelope: a mailbox, or `Postmaster` alone (RFC 5321 4.1.1.3).
class forward_path {
  public:
    constexpr forward_path() noexcept = default;
    constexpr forward_path(const mailbox& m) noexcept : mailbox_(m) {}
    /// As mailbox::parse, and `postmaster` in any case without a domain.
    static result<forward_path> parse(std::string_view text) noexcept;

    constexpr std::string_view text() const noexcept { return mailbox_.text(); }
    constexpr const mailbox& address() const noexcept { return mailbox_; }
    constexpr bool empty() const noexcept { return mailbox_.empty(); }
    constexpr bool is_utf8() const noexcept { return mailbox_.is_utf8(); }

  private:
    mailbox mailbox_;
};

/// A domain name or an address literal such as `[192.0.2.1]`, as EHLO takes it (RFC 5321 4.1.3).
bool is_domain_or_literal(std::string_view text) noexcept;

} // namespace postrider
