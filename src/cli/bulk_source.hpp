// bulk_source.hpp - many messages, one at a time: a list that is walked, never held.
//
// A run walks its list twice: once to count and to find what is wrong with the list itself, so that such a
// thing is said before anything is sent, and once to send.
#pragma once

#include "compose_mail.hpp"
#include "fingerprint.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace postrider::cli {

/// One message of the list.
struct bulk_item {
    std::string name;             ///< for people: "mail/1.eml", "box.mbox, message 3", "list.csv, row 7"
    std::string anchor;           ///< what stays the same about its place when the list is walked again
    content octets;               ///< finished messages
    std::string trouble;          ///< why they cannot be read; empty: they can
    std::vector<std::string> row; ///< of a merge
};

class bulk_source {
  public:
    bulk_source() = default;
    virtual ~bulk_source() = default;
    bulk_source(const bulk_source&) = delete;
    bulk_source& operator=(const bulk_source&) = delete;

    /// False at the end. Throws command_error when the list cannot be used any further.
    virtual bool next(bulk_item& into) = 0;
    /// Back to the first.
    virtual void rewind() = 0;
    /// Whatever can be found wrong with a message that would be wrong with the list. Throws command_error.
    virtual void check(const bulk_item& item) = 0;
    /// What the message is made of, for its key. Throws command_error (data).
    virtual void identify(const bulk_item& item, fingerprint& into) = 0;
    /// Message and envelope. `key` names the message. Throws command_error (data).
    virtual prepared_mail prepare(const bulk_item& item, const message_key& key) = 0;
    /// The template, where there is one: with another one the messages are others. Empty: none.
    virtual std::string binding() const = 0;
};

/// `--message FILE...`: files, folders of .eml files, maildirs and mboxes, told apart by what they are.
/// Throws command_error.
std::unique_ptr<bulk_source> finished_messages(const send_choice& chosen, std::string account_from);

/// `--merge list.csv --template mail.eml`. Throws command_error.
std::unique_ptr<bulk_source> merged_messages(const send_choice& chosen);

/// Whether `--message` names more than one message, or something that can hold more than one.
bool holds_many(const std::string& path);

} // namespace postrider::cli
