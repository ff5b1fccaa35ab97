// script.hpp - a wire script (test/wire/*.md): a document that is also a test.
//
// Three fenced blocks matter. `settings` says how the session is set up and what it is to do, `dialogue` what
// goes over the line, `outcome` what must be known afterwards. test/wire/README.md describes them for whoever
// writes one; everything outside the blocks is prose.
#pragma once

#include "postrider/session.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace wire {

/// One step of the dialogue.
struct step {
    enum class kind : std::uint8_t {
        client, ///< octets from the client
        server, ///< octets from the server
        tls,    ///< the handshake
        end,    ///< the server closes the connection
        stall,  ///< nothing happens until the deadline
    };
    kind what = kind::client;
    std::string octets;
    bool interrupts = false; ///< the server speaks while the client still has something to write
    int line = 0;            ///< in the file
};

struct recipient_setting {
    std::string address;
    std::string original;
    postrider::notify notify = postrider::notify::unset;
    bool lenient = false;
};

struct message_setting {
    std::string name;
    std::string from;
    std::vector<recipient_setting> recipients;
    std::vector<std::string> parts;                   ///< of the content; none: no content at all
    bool streamed = false;                            ///< the first part is asked for too
    postrider::errc unreadable = postrider::errc::ok; ///< after the last part
    postrider::body_type body = postrider::body_type::seven_bit;
    postrider::return_content ret = postrider::return_content::unset;
    bool smtputf8 = false;
    bool canonical = false;
    bool all_or_nothing = false;
    bool probe = false;
    std::int8_t priority = 0;
    std::string envelope_id;
    std::uint64_t size = 0;
};

struct question {
    postrider::query query;
    std::string argument;
};

/// What to do, in order: a message to submit or a question to ask.
struct task {
    bool is_message = true;
    std::size_t index = 0;
};

struct credentials {
    std::string mechanism;
    std::string user;
    std::string password;
};

/// What must have become of one recipient.
struct expected_recipient {
    std::string message;
    std::string address;
    postrider::disposition status = postrider::disposition::pending;
    postrider::stage at = postrider::stage::connect;
    std::uint16_t code = 0;
    std::string enhanced;
    postrider::errc error = postrider::errc::ok;
};

struct script {
    std::string name;
    std::string title;
    postrider::session_config config;
    std::string client_name = "client.example";
    std::vector<credentials> logins;
    bool verified = true;
    bool quit_when_done = true;
    bool quit_early = false;
    std::size_t reply_space = 512;
    std::vector<std::string> needs; ///< features of the engine without which the script makes no sense
    std::vector<message_setting> messages;
    std::vector<question> questions;
    std::vector<task> tasks;

    std::vector<step> steps;

    std::vector<expected_recipient> recipients;
    postrider::errc error = postrider::errc::ok;
    postrider::stage failed_at = postrider::stage::connect; ///< looked at when there is an error
    std::vector<std::string> answers;                       ///< "250 2.1.5 text", to each question
    std::map<std::string, std::string> facts; ///< authenticated, encrypted, extended, size, keywords

    /// The octets of the whole dialogue, both directions, and one for each event.
    std::size_t length() const;
};

/// Reads a script; throws std::runtime_error naming file and line when it is not one.
script read_script(const std::string& path);

/// Undoes the escapes of a dialogue line: \r \n \t \0 \\ \xNN, and {{N*text}} for N times the text.
std::string unescape(std::string_view text);

/// All scripts of a folder, sorted by name.
std::vector<std::string> scripts_in(const std::string& folder);

/// Whether the engine under test is built with everything the script needs.
bool can_be_played(const script& s);

} // namespace wire
