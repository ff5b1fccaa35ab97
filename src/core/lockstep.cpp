#include "postrider/lockstep.hpp"

#include "line_ends.hpp"
#include "postrider/capabilities.hpp"
#include "postrider/sasl.hpp"
#include "sasl_parts.hpp"
#include "text.hpp"

namespace postrider {

errc lockstep::send(const lockstep_mail& mail) noexcept {
    const errc e = deliver(mail);
    if (e == errc::ok || e == errc::command_refused) {
        quit();
    }
    return e;
}

// Whatever becomes of it.
void lockstep::quit() noexcept {
    put("QUIT\r\n");
    line_.read(stage::quit, true);
}

errc lockstep::deliver(const lockstep_mail& mail) noexcept {
    errc e = expect(2, reply());
    if (e == errc::ok) {
        e = hello(mail);
    }
    if (e == errc::ok) {
        e = authenticate(mail);
    }
    if (e == errc::ok) {
        at_ = stage::mail;
        put("MAIL FROM:<");
        put(mail.from);
        e = expect(2, command(">\r\n"));
    }
    if (e == errc::ok) {
        at_ = stage::rcpt;
        put("RCPT TO:<");
        put(mail.to);
        e = expect(2, command(">\r\n"));
    }
    if (e == errc::ok) {
        at_ = stage::data;
        e = expect(3, command("DATA\r\n"));
    }
    if (e == errc::ok) {
        at_ = stage::content;
        e = put_content();
    }
    return e == errc::ok ? expect(2, command(".\r\n")) : e;
}

// RFC 5321 3.2, 4.1.1.1
errc lockstep::hello(const lockstep_mail& mail) noexcept {
    at_ = stage::ehlo;
    const char* verb = mail.use_ehlo ? "EHLO " : "HELO ";
    for (;;) {
        put(verb);
        put(mail.client_name);
        const errc e = command("\r\n");
        if (verb[0] == 'H' || (code_ != 500 && code_ != 502 && code_ != 504)) {
            return expect(2, e);
        }
        verb = "HELO ";
    }
}

// RFC 4954 4, without an initial response: this form every server knows.
errc lockstep::authenticate(const lockstep_mail& mail) noexcept {
    if (mail.optional_auth && (mail.user[0] == '\0' || !lists_auth_)) {
        return errc::ok;
    }
    at_ = stage::auth;
    const bool login = lists_login_ && (mail.prefer_login || !lists_plain_);
    unsigned answers = login ? 2 : 1;
    errc e = command(login ? "AUTH LOGIN\r\n" : "AUTH PLAIN\r\n");
    for (; answers > 0 && is_challenge(e); --answers) {
        login ? put_login(mail, answers == 2) : put_plain(mail);
        end_base64();
        e = command("\r\n");
    }
    if (is_challenge(e)) {
        return refused(command("*\r\n"));
    }
    // Success before the server saw a password is none.
    return answers > 0 ? refused(e) : expect(2, e);
}

bool lockstep::is_challenge(errc read) const noexcept {
    return read == errc::ok && code_ == 334;
}

// RFC 4616 2, without an authorization identity.
void lockstep::put_plain(const lockstep_mail& mail) noexcept {
    put_base64('\0');
    put_base64(mail.user);
    put_base64('\0');
    put_base64(mail.password);
}

// The user and the password, in the order of the prompts.
void lockstep::put_login(const lockstep_mail& mail, bool first) noexcept {
    password_sent_ = first ? asks_for_password() : !password_sent_;
    put_base64(password_sent_ ? mail.password : mail.user);
}

errc lockstep::put_content() noexcept {
    char previous = before_content;
    std::string_view part;
    for (unsigned index = 0; (part = line_.content(index)).data() != nullptr; ++index) {
        const char* from = part.data(); // what stands before it was written
        const char* const end = from + part.size();
        for (const char* at = from; at != end; ++at) {
            if (*at == '\0') {
                return errc::content_has_nul;
            }
            const char* const due = due_between(previous, *at, true);
            previous = *at;
            if (*due != '\0') {
                put(from, static_cast<std::size_t>(at - from));
                put(due);
                from = at;
            }
        }
        put(from, static_cast<std::size_t>(end - from));
    }
    if (previous != '\n') { // the last line has no end, or half of one
        put(due_between(previous, '\n', true));
        put("\n");
    }
    return errc::ok;
}

void lockstep::put(const char* text) noexcept {
    put(std::string_view{text});
}

// Writes the end of a command and reads the reply. What the server said before it was asked is not that
// reply.
errc lockstep::command(const char* end) noexcept {
    code_ = 0;
    if (line_.has_input()) {
        return errc::unsolicited_reply;
    }
    put(end);
    return reply();
}

// Whatever was read is not what was hoped for.
errc lockstep::refused(errc read) noexcept {
    return read == errc::ok ? errc::command_refused : read;
}

errc lockstep::expect(unsigned hundreds, errc read) const noexcept {
    return read == errc::ok && code_ / 100U == hundreds ? errc::ok : refused(read);
}

errc lockstep::reply() noexcept {
    bool first = true;
    unsigned lines = 0;
    std::string_view octets;
    for (;;) {
        if (octets.empty()) {
            octets = line_.read(at_, first);
            first = false;
        }
        if (octets.empty()) {
            return errc::connection_lost;
        }
        switch (reader_.feed(octets)) {
        case reply_reader::event::failed:
            return reader_.error();
        case reply_reader::event::line:
            learn(lines++);
            reader_.drop_text();
            break;
        case reply_reader::event::complete:
            learn(lines);
            return whole_reply(octets.empty());
        default:
            break;
        }
    }
}

// `alone`: nothing stands behind it.
errc lockstep::whole_reply(bool alone) noexcept {
    code_ = reader_.code();
    return !alone ? errc::unsolicited_reply : code_ == 421 ? errc::service_closing : errc::ok;
}

// What line `number` of EHLO's reply says of AUTH; the first one is a name, and no keyword.
void lockstep::learn(unsigned number) noexcept {
    std::string_view line = reader_.line();
    if (at_ != stage::ehlo || number == 0 || !equal_ignoring_case(next_word(line, true), "AUTH")) {
        return;
    }
    lists_auth_ = true;
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
        lists_plain_ = lists_plain_ || equal_ignoring_case(word, "PLAIN");
        lists_login_ = lists_login_ || equal_ignoring_case(word, "LOGIN");
    }
}

void lockstep::put_base64(const char* text) noexcept {
    for (; *text != '\0'; ++text) {
        put_base64(*text);
    }
}

void lockstep::put_base64(char octet) noexcept {
    group_[group_size_++] = octet;
    if (group_size_ == sizeof group_) {
        end_base64();
    }
}

// Writes the octets that wait, padded.
void lockstep::end_base64() noexcept {
    if (group_size_ > 0) {
        char four[4];
        base64_encode_group(group_, group_size_, four);
        put(four, sizeof four);
        group_size_ = 0;
    }
}

bool lockstep::asks_for_password() noexcept {
    constexpr std::size_t encoded = 12; // octets of base64 that hold the word
    if (reader_.text().size() < encoded) {
        return false;
    }
    const std::ptrdiff_t size = base64_decode_in_place(reader_.text_in_place(), encoded);
    return size > 0 && sasl::asks_for_password({reader_.text_in_place(), static_cast<std::size_t>(size)});
}

} // namespace postrider
