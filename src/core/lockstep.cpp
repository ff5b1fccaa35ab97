#include "postrider/lockstep.hpp"

#include "line_ends.hpp"
#include "postrider/capabilities.hpp"
#include "postrider/sasl.hpp"
#include "text.hpp"

namespace postrider {

errc lockstep::send(const lockstep_mail& mail) noexcept {
    const errc e = deliver(mail);
    if (e == errc::ok || e == errc::command_refused) {
        put("QUIT\r\n");
        line_.read(stage::quit, true); // whatever becomes of it
    }
    return e;
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
    return e == errc::ok ? put_content(mail) : e;
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
    if (mail.optional_auth && (mail.user.empty() || !lists_auth_)) {
        return errc::ok;
    }
    at_ = stage::auth;
    const bool login = lists_login_ && (mail.prefer_login || !lists_plain_);
    const std::string_view plain[] = {{"", 1}, mail.user, {"", 1}, mail.password};
    unsigned part = 0; // LOGIN: which one was sent last
    unsigned answers = login ? 2 : 1;
    errc e = command(login ? "AUTH LOGIN\r\n" : "AUTH PLAIN\r\n");
    while (e == errc::ok && code_ == 334) {
        if (answers == 0) {
            e = command("*\r\n");
            return e == errc::ok ? errc::command_refused : e;
        }
        --answers;
        if (login) {
            part = part == 1 || (part == 0 && asks_for_password()) ? 3 : 1;
        }
        write_base64({plain + part, login ? 1U : 4U});
        e = command("\r\n");
    }
    // Success before the server saw a password is none.
    return e == errc::ok && answers > 0 ? errc::command_refused : expect(2, e);
}

errc lockstep::put_content(const lockstep_mail& mail) noexcept {
    at_ = stage::content;
    char previous = before_content;
    for (const std::string_view part : mail.content) {
        std::size_t from = 0; // what stands before it was written
        for (std::size_t i = 0; i < part.size(); ++i) {
            if (part[i] == '\0') {
                return errc::content_has_nul;
            }
            const char* const due = due_between(previous, part[i], true);
            previous = part[i];
            if (due[0] != '\0') {
                put(std::string_view{part.data() + from, i - from});
                put(due);
                from = i;
            }
        }
        put(text::without(part, from));
    }
    if (previous != '\n') {
        put(due_between(previous, '\n', true));
    }
    return expect(2, command(previous == '\n' ? ".\r\n" : "\n.\r\n"));
}

void lockstep::put(std::string_view octets) noexcept {
    line_.write(octets);
}

void lockstep::put(const char* text) noexcept {
    line_.write(text);
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

errc lockstep::expect(unsigned hundreds, errc read) const noexcept {
    if (read != errc::ok) {
        return read;
    }
    return code_ / 100U == hundreds ? errc::ok : errc::command_refused;
}

errc lockstep::reply() noexcept {
    bool first = true;      // octets
    bool first_line = true; // of EHLO's reply: a name, and no keyword
    for (;;) {
        std::string_view octets = line_.read(at_, first);
        if (octets.empty()) {
            return errc::connection_lost;
        }
        first = false;
        while (!octets.empty()) {
            const reply_reader::event event = reader_.feed(octets);
            if (event == reply_reader::event::failed) {
                return reader_.error();
            }
            if (event == reply_reader::event::more) {
                break;
            }
            if (at_ == stage::ehlo && !first_line) {
                learn(reader_.line());
            }
            first_line = false;
            if (event == reply_reader::event::complete) {
                code_ = reader_.code();
                return !octets.empty() ? errc::unsolicited_reply
                       : code_ == 421  ? errc::service_closing
                                       : errc::ok;
            }
            reader_.drop_text();
        }
    }
}

void lockstep::learn(std::string_view line) noexcept {
    if (!equal_ignoring_case(next_word(line, true), "AUTH")) {
        return;
    }
    lists_auth_ = true;
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
        lists_plain_ = lists_plain_ || equal_ignoring_case(word, "PLAIN");
        lists_login_ = lists_login_ || equal_ignoring_case(word, "LOGIN");
    }
}

void lockstep::write_base64(std::span<const std::string_view> parts) noexcept {
    std::size_t left = 0;
    for (const std::string_view part : parts) {
        left += part.size();
    }
    char octets[3];
    unsigned n = 0;
    for (const std::string_view part : parts) {
        for (const char c : part) {
            octets[n++] = c;
            if (--left == 0 || n == 3) {
                char four[4];
                base64_encode_group(octets, n, four);
                put(std::string_view{four, 4});
                n = 0;
            }
        }
    }
}

// The two words of LOGIN come in either order; whatever is not "Password" asks for the user first.
bool lockstep::asks_for_password() noexcept {
    constexpr std::string_view word = "password";
    const std::ptrdiff_t size = base64_decode_in_place(reader_.text_in_place(), reader_.text().size());
    return size >= static_cast<std::ptrdiff_t>(word.size()) &&
           equal_ignoring_case({reader_.text_in_place(), word.size()}, word);
}

} // namespace postrider
