// The octets of each command, slice by slice. A slice refers to a static text, to a text the caller lent, or
// to a few octets in scratch_; no command line is ever put together in a buffer of ours. For a driver that
// lends one, begin_in() puts it there.
//
// This file is the one choke point for what the caller supplied: argument() and begin_in() let nothing pass
// that holds a control character, whatever the types in front of them promise.
#include "postrider/session.hpp"
#include "session_table.hpp"
#include "text.hpp"

namespace postrider {

namespace {

constexpr std::string_view crlf = "\r\n";
constexpr std::size_t max_command_line = 512; // RFC 5321 4.5.3.1.4

// Where parameter_ starts for each command.
constexpr std::uint8_t mail_parameters = session_table::mail_parameters;
constexpr std::uint8_t rcpt_parameters = session_table::rcpt_parameters;

constexpr std::uint8_t rare_parameters = 3; // the fragment they start with

constexpr const char* query_verbs[][2] = {{"NOOP\r\n", "NOOP "}, {"VRFY\r\n", "VRFY "},
                                          {"EXPN\r\n", "EXPN "}, {"HELP\r\n", "HELP "},
                                          {"ETRN\r\n", "ETRN "}, {"RSET\r\n", "RSET "}};

constexpr char hex_digit(unsigned value) noexcept {
    return "0123456789ABCDEF"[value & 15U];
}

// xchar of RFC 3461 4: what may stand in xtext as it is; and UTF-8.
constexpr bool is_xchar(char c) noexcept {
    return static_cast<unsigned char>(c) > ' ' && c != 0x7F && c != '+' && c != '=';
}

} // namespace

// Makes slice_ the next slice of the command out_; false when the command has ended, and that is known
// beforehand where fragment_ is no_fragment. An empty slice is skipped.
bool session::fragment() noexcept {
    content_slice_ = false;
    switch (out_) {
    case state::auth:
        auth_fragment();
        return true;
    case state::auth_response:
        response_fragment();
        return true;
    case state::bdat:
        if (fragment_ == 0) {
            chunk_fragment();
            return true;
        }
        return content_fragment();
    case state::content:
        return content_fragment();
    default:
        command_fragment();
        return true;
    }
}

// A verb, an argument, parameters.
void session::command_fragment() noexcept {
    switch (fragment_++) {
    case 0:
        slice_ = verb();
        fragment_ = text::last(slice_) == '\n' ? session_table::no_fragment : fragment_;
        break;
    case 1:
        argument(command_argument());
        break;
    case 2: {
        text::writer to(scratch_.data());
        fragment_ = end_command(to) ? session_table::no_fragment : rare_parameters;
        slice_ = composed(to);
        break;
    }
    default:
        --fragment_; // there may be more of them
        if (!parameter_fragment()) {
            slice_ = crlf;
            fragment_ = session_table::no_fragment;
        }
        break;
    }
}

// BDAT with the size of the chunk that follows (RFC 3030 2).
void session::chunk_fragment() noexcept {
    text::writer to(scratch_.data());
    to.put(session_table::verb(out_));
    end_command(to);
    fragment_ = 1;
    slice_ = composed(to);
}

// Begins a command: as far as its usual parts go in one piece, and returns the octets of that. What is left
// of it, and all where there is not room for the longest, are fragments as ever.
std::size_t session::begin_in(std::span<char> space) noexcept {
    const bool has_path = out_ == state::mail || out_ == state::rcpt;
    const std::string_view verb = session_table::verb(out_);
    const std::string_view path = has_path ? command_argument() : std::string_view{};
    const bool is_alone = text::last(verb) == '\n';
    const bool usual = is_alone || has_path || out_ == state::bdat;
    if (!usual || text::has_control(path) ||
        space.size() < session_table::longest_verb + path.size() + scratch_.size()) {
        next_fragment();
        return 0;
    }
    // Of a fixed size, which spares a call; what is too much is overwritten by what follows.
    std::memcpy(space.data(), verb.data(), session_table::longest_verb);
    text::writer to(space.data() + verb.size());
    to.put(path);
    fresh_ = false;
    fragment_ = is_alone || end_command(to) ? session_table::no_fragment : has_path ? rare_parameters : 1;
    return static_cast<std::size_t>(to.end() - space.data());
}

// What was put into scratch_.
std::string_view session::composed(const text::writer& to) const noexcept {
    return {scratch_.data(), static_cast<std::size_t>(to.end() - scratch_.data())};
}

// What follows the argument of a command. False when it has not ended with that: there are rarer parameters,
// or a chunk.
bool session::end_command(text::writer& to) noexcept {
    bool ended = true;
    if (out_ == state::mail) {
        ended = end_mail(to);
    } else if (out_ == state::rcpt) {
        to.put(">");
        ended = !feature::dsn ||
                (current_recipient().notify == notify::unset && current_recipient().original.empty());
    } else if (out_ == state::bdat) {
        to.put_number(chunk_);
        to.put(content_last_ && lent_.empty() ? " LAST\r\n" : "\r\n");
        return false;
    }
    if (ended) {
        to.put(crlf);
    }
    return ended;
}

bool session::end_mail(text::writer& to) noexcept {
    const transaction& t = *out_transaction_;
    to.put(">");
    size_parameter(to);
    body_parameter(to);
    return !(feature::dsn && (t.ret != return_content::unset || !t.envelope_id.empty())) &&
           !(feature::mt_priority && t.priority != 0);
}

std::string_view session::verb() const noexcept {
    if (feature::lmtp && out_ == state::ehlo && config_.protocol == protocol::lmtp) {
        return "LHLO ";
    }
    if (feature::queries && out_ == state::query) {
        return query_verbs[static_cast<unsigned>(query_)][lent_.empty() ? 0 : 1];
    }
    return session_table::verb(out_);
}

std::string_view session::command_argument() const noexcept {
    switch (out_) {
    case state::ehlo:
    case state::helo:
        return config_.client_name;
    case state::mail:
        return out_transaction_->from.text();
    case state::rcpt:
        return current_recipient().path.text();
    default: // a query
        return feature::queries ? lent_ : std::string_view{};
    }
}

const recipient& session::current_recipient() const noexcept {
    return out_transaction_->recipients[out_transaction_->progress_.sent_recipients];
}

// The next of the rarer parameters of MAIL or RCPT, or a part of one; false when there are no more. begin()
// says where each command's parameters start.
bool session::parameter_fragment() noexcept {
    switch (parameter_++) {
    case mail_parameters:
        return_parameter();
        return true;
    case mail_parameters + 1:
        priority_parameter();
        return true;
    case rcpt_parameters:
        notify_parameter();
        return true;
    case mail_parameters + 2:
    case rcpt_parameters + 1:
        text_parameter();
        return true;
    default: // the text itself
        return xtext_fragment();
    }
}

// 0 when it is not known.
std::uint64_t session::declared_size(const transaction& t) noexcept {
    return t.size != 0 || t.more_content ? t.size : t.content.size();
}

// RFC 1870 6
void session::size_parameter(text::writer& to) noexcept {
    if constexpr (feature::size) {
        const std::uint64_t size = declared_size(*out_transaction_);
        if (size != 0 && capabilities_.has(keyword::size)) {
            to.put(" SIZE=");
            to.put_number(size);
        }
    }
}

// RFC 6152 3, RFC 3030 3, RFC 6531 3.4
void session::body_parameter(text::writer& to) noexcept {
    const transaction& t = *out_transaction_;
    if (t.body == body_type::binary) {
        to.put(" BODY=BINARYMIME");
    } else if (t.body != body_type::seven_bit && capabilities_.has(keyword::eight_bit_mime)) {
        to.put(" BODY=8BITMIME");
    }
    if constexpr (feature::smtputf8) {
        if (wants_utf8(t)) {
            to.put(" SMTPUTF8");
        }
    }
}

// RFC 3461 4.3
void session::return_parameter() noexcept {
    if constexpr (feature::dsn) {
        const return_content ret = out_transaction_->ret;
        slice_ = ret == return_content::full      ? " RET=FULL"
                 : ret == return_content::headers ? " RET=HDRS"
                                                  : "";
    }
}

// RFC 6710 4: from -9 to 9.
void session::priority_parameter() noexcept {
    if constexpr (feature::mt_priority) {
        const std::int8_t priority = out_transaction_->priority;
        if (priority != 0 && capabilities_.has(keyword::mt_priority)) {
            text::writer to(scratch_.data());
            to.put(priority < 0 ? " MT-PRIORITY=-" : " MT-PRIORITY=");
            const auto size = static_cast<unsigned char>(priority < 0 ? -priority : priority);
            to.put_number(size > 9 ? 9 : size);
            slice_ = composed(to);
        }
    }
}

// RFC 3461 4.1
void session::notify_parameter() noexcept {
    if constexpr (feature::dsn) {
        const notify n = current_recipient().notify;
        if (n == notify::unset) {
            return;
        }
        text::writer to(scratch_.data());
        to.put(has(n, notify::never) ? " NOTIFY=NEVER" : " NOTIFY=");
        const char* separator = "";
        static constexpr struct {
            notify bit;
            std::string_view name;
        } names[] = {{notify::success, "SUCCESS"}, {notify::failure, "FAILURE"}, {notify::delay, "DELAY"}};
        for (const auto& one : names) {
            if (has(n, one.bit) && !has(n, notify::never)) {
                to.put(separator);
                to.put(one.name);
                separator = ",";
            }
        }
        slice_ = composed(to);
    }
}

// ENVID= of MAIL or ORCPT= of RCPT, up to its text (RFC 3461 4.4, 4.2).
void session::text_parameter() noexcept {
    if constexpr (feature::dsn) {
        const bool mail = out_ == state::mail;
        lent_ = mail ? out_transaction_->envelope_id : current_recipient().original;
        slice_ = lent_.empty()           ? ""
                 : mail                  ? " ENVID="
                 : text::is_ascii(lent_) ? " ORCPT=rfc822;"
                                         : " ORCPT=utf-8;";
    }
}

// The next part of lent_ as xtext (RFC 3461 4): a run that may stand as it is, or one character as "+XX".
// UTF-8 stays as it is (RFC 6533 3).
bool session::xtext_fragment() noexcept {
    if (!feature::dsn || lent_.empty()) {
        return false;
    }
    --parameter_; // once more
    std::size_t n = 0;
    while (n < lent_.size() && is_xchar(lent_[n])) {
        ++n;
    }
    if (n > 0) {
        argument(text::prefix(lent_, n));
    } else {
        const auto c = static_cast<unsigned char>(lent_[0]);
        const char escaped[] = {'+', hex_digit(c >> 4U), hex_digit(c)};
        n = 1;
        text::writer to(scratch_.data());
        to.put({escaped, sizeof escaped});
        slice_ = composed(to);
    }
    lent_ = text::without(lent_, n);
    return true;
}

void session::auth_fragment() noexcept {
    switch (fragment_++) {
    case 0:
        slice_ = "AUTH ";
        break;
    case 1:
        slice_ = mechanism_->name();
        break;
    case 2:
        // A line that would be too long waits for its 334 (RFC 4954 4).
        if (initial_response_ && config_.initial_response &&
            response_size() + mechanism_->name().size() + 8 <= max_command_line) {
            slice_ = response_size() == 0 ? " =" : " "; // RFC 4954 4: an empty response is "="
            initial_response_ = false;
        } else {
            fragment_ = 4;
        }
        break;
    case 3:
        if (base64_fragment()) {
            --fragment_;
        }
        break;
    default:
        slice_ = crlf;
        fragment_ = session_table::no_fragment;
        break;
    }
}

void session::response_fragment() noexcept {
    switch (fragment_++) {
    case 0:
        if (base64_fragment()) {
            --fragment_;
        }
        break;
    default:
        slice_ = crlf;
        fragment_ = session_table::no_fragment;
        break;
    }
}

// The size of the response in base64.
std::size_t session::response_size() const noexcept {
    std::size_t size = 0;
    for (unsigned i = 0; mechanism_->part(i).data() != nullptr; ++i) {
        size += mechanism_->part(i).size();
    }
    return (size + 2) / 3 * 4;
}

// The next groups of the response in base64; false when it has ended.
bool session::base64_fragment() noexcept {
    std::size_t size = 0;
    while (size + 4 <= scratch_.size()) {
        char octets[3];
        unsigned n = 0;
        std::string_view part = mechanism_->part(secret_part_);
        while (n < 3 && part.data() != nullptr) {
            if (secret_offset_ < part.size()) {
                octets[n++] = part[secret_offset_++];
            } else {
                secret_offset_ = 0;
                part = mechanism_->part(++secret_part_);
            }
        }
        if (n == 0) {
            break;
        }
        base64_encode_group(octets, n, scratch_.data() + size);
        size += 4;
    }
    slice_ = {scratch_.data(), size};
    return size > 0;
}

// The content of DATA with its terminator, or of one BDAT chunk whose command went before.
bool session::content_fragment() noexcept {
    content_slice_ = true;
    slice_ = lone_dot_ ? std::string_view{} : encoder_.next();
    if (!slice_.empty()) {
        return true;
    }
    content_slice_ = false;
    if (encoder_.error() != errc::ok) {
        fail(encoder_.error()); // without the terminator, so that nothing was accepted
        return true;
    }
    if (out_ == state::bdat) {
        return false;
    }
    if (!lone_dot_ && !content_last_) {
        needs_content_ = true;
        return true;
    }
    slice_ = ".\r\n";
    fragment_ = session_table::no_fragment;
    return true;
}

void session::argument(std::string_view text) noexcept {
    if (text::has_control(text)) {
        fail(errc::bad_argument);
        return;
    }
    slice_ = text;
}

} // namespace postrider
