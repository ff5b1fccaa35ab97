#include "script.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>

namespace wire {

using namespace postrider;

namespace {

std::string trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) {
        return {};
    }
    return std::string{text.substr(begin, text.find_last_not_of(" \t") - begin + 1)};
}

std::vector<std::string> words(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> found;
    for (std::string word; in >> word;) {
        found.push_back(word);
    }
    return found;
}

bool yes(const std::string& value) {
    if (value != "yes" && value != "no") {
        throw std::runtime_error("expected yes or no: " + value);
    }
    return value == "yes";
}

template <class T>
T one_of(const std::map<std::string, T>& names, const std::string& value) {
    const auto found = names.find(value);
    if (found == names.end()) {
        throw std::runtime_error("unknown value: " + value);
    }
    return found->second;
}

template <class T, class Name>
T by_name(const std::string& value, unsigned count, Name name_of) {
    for (unsigned i = 0; i < count; ++i) {
        if (name_of(static_cast<T>(i)) == value) {
            return static_cast<T>(i);
        }
    }
    throw std::runtime_error("unknown name: " + value);
}

errc errc_named(const std::string& value) {
    return by_name<errc>(value, static_cast<unsigned>(errc::session_closed) + 1,
                         [](errc e) { return name(e); });
}
stage stage_named(const std::string& value) {
    return by_name<stage>(value, static_cast<unsigned>(stage::quit) + 1, [](stage s) { return name(s); });
}
disposition disposition_named(const std::string& value) {
    return by_name<disposition>(value, 6, [](disposition d) { return name(d); });
}

notify notify_named(const std::string& list) {
    static const std::map<std::string, notify> names{{"success", notify::success},
                                                     {"failure", notify::failure},
                                                     {"delay", notify::delay},
                                                     {"never", notify::never}};
    notify set = notify::unset;
    std::istringstream in(list);
    for (std::string one; std::getline(in, one, ',');) {
        set = set | one_of(names, one);
    }
    return set;
}

// "ADDRESS [notify=...] [original=...] [lenient]"
recipient_setting recipient_of(const std::string& value) {
    recipient_setting r;
    std::string rest = value;
    for (std::string::size_type at = 0; (at = rest.rfind(' ')) != std::string::npos;) {
        const std::string word = rest.substr(at + 1);
        if (word.starts_with("notify=")) {
            r.notify = notify_named(word.substr(7));
        } else if (word.starts_with("original=")) {
            r.original = unescape(word.substr(9));
        } else if (word == "lenient") {
            r.lenient = true;
        } else {
            break;
        }
        rest = trimmed(rest.substr(0, at));
    }
    r.address = unescape(rest);
    return r;
}

class reader {
  public:
    explicit reader(const std::string& path) : path_(path) {}

    script read() {
        std::ifstream in(path_);
        if (!in) {
            throw std::runtime_error(path_ + ": cannot be opened");
        }
        result_.name = std::filesystem::path(path_).stem().string();
        std::string block;
        for (std::string line; std::getline(in, line);) {
            ++number_;
            try {
                take(line, block);
            } catch (const std::exception& e) {
                throw std::runtime_error(path_ + ":" + std::to_string(number_) + ": " + e.what());
            }
        }
        if (result_.steps.empty() || result_.title.empty() || !has_outcome_) {
            throw std::runtime_error(path_ + ": a script needs a title, a dialogue and an outcome");
        }
        return std::move(result_);
    }

  private:
    void take(const std::string& line, std::string& block) {
        if (line.starts_with("```")) {
            block = block.empty() ? line.substr(3) : "";
            has_outcome_ = has_outcome_ || block == "outcome";
            return;
        }
        if (block.empty()) {
            if (result_.title.empty() && line.starts_with("# ")) {
                result_.title = line.substr(2);
            }
            return;
        }
        if (trimmed(line).empty() || line.starts_with("# ")) {
            return;
        }
        if (block == "settings") {
            setting(line);
        } else if (block == "dialogue") {
            dialogue(line);
        } else if (block == "outcome") {
            outcome(line);
        }
    }

    static std::pair<std::string, std::string> split(const std::string& line) {
        const auto colon = line.find(": ");
        if (colon == std::string::npos) {
            if (!line.empty() && line.back() == ':') {
                return {trimmed(line.substr(0, line.size() - 1)), ""};
            }
            throw std::runtime_error("expected 'key: value'");
        }
        return {trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 2))};
    }

    message_setting& message() {
        if (result_.messages.empty()) {
            add_message("");
        }
        return result_.messages.back();
    }

    void add_message(const std::string& name) {
        result_.tasks.push_back({true, result_.messages.size()});
        result_.messages.emplace_back();
        result_.messages.back().name = name;
    }

    void setting(const std::string& line) {
        const auto [key, value] = split(line);
        const auto& of = settings();
        const auto found = of.find(key);
        if (found == of.end()) {
            throw std::runtime_error("unknown setting: " + key);
        }
        found->second(*this, value);
    }

    using setter = std::function<void(reader&, const std::string&)>;

    static const std::map<std::string, setter>& settings() {
        static const std::map<std::string, setter> all = [] {
            std::map<std::string, setter> m = session_settings();
            m.merge(message_settings());
            return m;
        }();
        return all;
    }

    static std::map<std::string, setter> session_settings() {
        static const std::map<std::string, tls_policy> tls{{"none", tls_policy::none},
                                                           {"opportunistic", tls_policy::opportunistic},
                                                           {"required", tls_policy::required},
                                                           {"implicit", tls_policy::implicit}};
        const auto flag = [](bool session_config::*member) {
            return [member](reader& r, const std::string& v) { r.result_.config.*member = yes(v); };
        };
        const auto number = [](auto session_config::*member) {
            return [member](reader& r, const std::string& v) {
                using type = std::remove_reference_t<decltype(r.result_.config.*member)>;
                r.result_.config.*member = static_cast<type>(std::stoul(v));
            };
        };
        const auto timeout = [](std::uint32_t timeouts::*member) {
            return [member](reader& r, const std::string& v) {
                r.result_.config.timeouts.*member = static_cast<std::uint32_t>(std::stoul(v));
            };
        };
        return {
            {"needs", [](reader& r, const std::string& v) { r.result_.needs = words(v); }},
            {"protocol",
             [](reader& r, const std::string& v) {
                 r.result_.config.protocol =
                     one_of<protocol>({{"smtp", protocol::smtp}, {"lmtp", protocol::lmtp}}, v);
             }},
            {"tls", [](reader& r, const std::string& v) { r.result_.config.tls = one_of(tls, v); }},
            {"verified", [](reader& r, const std::string& v) { r.result_.verified = yes(v); }},
            {"client name", [](reader& r, const std::string& v) { r.result_.client_name = unescape(v); }},
            {"auth",
             [](reader& r, const std::string& v) {
                 const std::vector<std::string> w = words(v);
                 r.result_.logins.push_back({w.at(0), unescape(w.at(1)), unescape(w.at(2))});
             }},
            {"allow auth in clear", flag(&session_config::allow_auth_in_clear)},
            {"try unlisted mechanism", flag(&session_config::try_unlisted_mechanism)},
            {"ehlo", flag(&session_config::use_ehlo)},
            {"optional auth", flag(&session_config::optional_auth)},
            {"initial response", flag(&session_config::initial_response)},
            {"pipelining", flag(&session_config::use_pipelining)},
            {"chunking", flag(&session_config::use_chunking)},
            {"await quit reply", flag(&session_config::await_quit_reply)},
            {"window", number(&session_config::window)},
            {"max outstanding", number(&session_config::max_outstanding)},
            {"max chunk", number(&session_config::max_chunk)},
            {"transaction timeout", timeout(&timeouts::transaction)},
            {"reply space", [](reader& r, const std::string& v) { r.result_.reply_space = std::stoul(v); }},
            {"quit",
             [](reader& r, const std::string& v) {
                 r.result_.quit_early = v == "early";
                 r.result_.quit_when_done = v != "never";
             }},
            {"ask",
             [](reader& r, const std::string& v) {
                 static const std::map<std::string, query> queries{
                     {"NOOP", query::noop}, {"VRFY", query::vrfy}, {"EXPN", query::expn},
                     {"HELP", query::help}, {"ETRN", query::etrn}, {"RSET", query::rset}};
                 const auto space = v.find(' ');
                 r.result_.tasks.push_back({false, r.result_.questions.size()});
                 r.result_.questions.push_back(
                     {one_of(queries, v.substr(0, space)),
                      space == std::string::npos ? "" : unescape(v.substr(space + 1))});
             }},
        };
    }

    static std::map<std::string, setter> message_settings() {
        return {
            {"message", [](reader& r, const std::string& v) { r.add_message(v); }},
            {"from", [](reader& r, const std::string& v) { r.message().from = unescape(v); }},
            {"to",
             [](reader& r, const std::string& v) { r.message().recipients.push_back(recipient_of(v)); }},
            {"content", [](reader& r, const std::string& v) { r.message().parts.push_back(unescape(v)); }},
            {"part", [](reader& r, const std::string& v) { r.message().parts.push_back(unescape(v)); }},
            {"streamed", [](reader& r, const std::string& v) { r.message().streamed = yes(v); }},
            {"unreadable after the last part",
             [](reader& r, const std::string& v) { r.message().unreadable = errc_named(v); }},
            {"body",
             [](reader& r, const std::string& v) {
                 r.message().body = one_of<body_type>({{"7bit", body_type::seven_bit},
                                                       {"8bit", body_type::eight_bit},
                                                       {"8bit undeclared", body_type::eight_bit_undeclared},
                                                       {"binary", body_type::binary}},
                                                      v);
             }},
            {"smtputf8", [](reader& r, const std::string& v) { r.message().smtputf8 = yes(v); }},
            {"all or nothing", [](reader& r, const std::string& v) { r.message().all_or_nothing = yes(v); }},
            {"canonical", [](reader& r, const std::string& v) { r.message().canonical = yes(v); }},
            {"probe", [](reader& r, const std::string& v) { r.message().probe = yes(v); }},
            {"ret",
             [](reader& r, const std::string& v) {
                 r.message().ret = one_of<return_content>(
                     {{"full", return_content::full}, {"headers", return_content::headers}}, v);
             }},
            {"priority",
             [](reader& r, const std::string& v) {
                 r.message().priority = static_cast<std::int8_t>(std::stoi(v));
             }},
            {"envelope id", [](reader& r, const std::string& v) { r.message().envelope_id = unescape(v); }},
            {"size", [](reader& r, const std::string& v) { r.message().size = std::stoull(v); }},
        };
    }

    void dialogue(const std::string& line) {
        static const std::map<std::string, step::kind> events{
            {"TLS", step::kind::tls}, {"END", step::kind::end}, {"STALL", step::kind::stall}};
        step s;
        s.line = number_;
        if (const auto event = events.find(line); event != events.end()) {
            s.what = event->second;
            result_.steps.push_back(s);
            return;
        }
        if (line.size() < 2 || (line[0] != 'C' && line[0] != 'S') ||
            (line[1] != ':' && line[1] != '<' && line[1] != '!')) {
            throw std::runtime_error("expected 'C: ', 'S: ', 'C< ', 'S< ', 'S! ', TLS, END or STALL");
        }
        s.what = line[0] == 'C' ? step::kind::client : step::kind::server;
        s.interrupts = line[1] == '!';
        s.octets = unescape(line.size() > 3 ? line.substr(3) : "") + (line[1] == '<' ? "" : "\r\n");
        result_.steps.push_back(s);
    }

    // "ADDRESS: DISPOSITION, STAGE[, CODE [ENHANCED]][, ERRC]" or one fact of the session.
    void outcome(const std::string& line) {
        const auto colon = line.rfind(": ");
        if (colon == std::string::npos) {
            throw std::runtime_error("expected 'what: outcome'");
        }
        const std::string key = line.substr(0, colon);
        const std::string value = line.substr(colon + 2);
        if (key == "message") {
            current_ = value;
        } else if (key == "session") {
            const std::vector<std::string> w = words(value);
            result_.error = errc_named(w.at(0));
            if (w.size() == 3 && w[1] == "at") {
                result_.failed_at = stage_named(w[2]);
            } else if (result_.error != errc::ok) {
                throw std::runtime_error("expected 'session: ERRC at STAGE'");
            }
        } else if (key == "answer") {
            result_.answers.push_back(unescape(value));
        } else if (key == "authenticated" || key == "encrypted" || key == "extended" || key == "limit") {
            result_.facts[key] = value;
        } else {
            expect_recipient(unescape(key), value);
        }
    }

    void expect_recipient(const std::string& address, const std::string& value) {
        std::vector<std::string> parts;
        std::istringstream in(value);
        for (std::string part; std::getline(in, part, ',');) {
            parts.push_back(trimmed(part));
        }
        expected_recipient e;
        e.message = current_;
        e.address = address;
        e.status = disposition_named(parts.at(0));
        e.at = stage_named(parts.at(1));
        for (std::size_t i = 2; i < parts.size(); ++i) {
            if (parts[i].at(0) >= '0' && parts[i][0] <= '9') {
                const std::vector<std::string> w = words(parts[i]);
                e.code = static_cast<std::uint16_t>(std::stoul(w[0]));
                e.enhanced = w.size() > 1 ? w[1] : "";
            } else {
                e.error = errc_named(parts[i]);
            }
        }
        result_.recipients.push_back(e);
    }

    std::string path_;
    script result_;
    std::string current_;
    int number_ = 0;
    bool has_outcome_ = false;
};

char hex(char c) {
    if (c >= '0' && c <= '9') {
        return static_cast<char>(c - '0');
    }
    c = static_cast<char>(c | 0x20);
    if (c < 'a' || c > 'f') {
        throw std::runtime_error("not a hexadecimal digit");
    }
    return static_cast<char>(c - 'a' + 10);
}

} // namespace

std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '{' && text.substr(i).starts_with("{{")) {
            const auto star = text.find('*', i);
            const auto close = text.find("}}", i);
            if (star != std::string_view::npos && close != std::string_view::npos && star < close) {
                const unsigned long count = std::stoul(std::string{text.substr(i + 2, star - i - 2)});
                const std::string part = unescape(text.substr(star + 1, close - star - 1));
                for (unsigned long n = 0; n < count; ++n) {
                    out += part;
                }
                i = close + 1;
                continue;
            }
        }
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        static const std::map<char, char> simple{
            {'r', '\r'}, {'n', '\n'}, {'t', '\t'}, {'0', '\0'}, {'\\', '\\'}};
        const char c = i + 1 < text.size() ? text[i + 1] : '?';
        if (const auto found = simple.find(c); found != simple.end()) {
            out += found->second;
            i += 1;
        } else if (c == 'x' && i + 3 < text.size()) {
            out += static_cast<char>(hex(text[i + 2]) * 16 + hex(text[i + 3]));
            i += 3;
        } else {
            throw std::runtime_error("unknown escape in: " + std::string{text});
        }
    }
    return out;
}

std::size_t script::length() const {
    std::size_t sum = 0;
    for (const step& s : steps) {
        sum += s.octets.empty() ? 1 : s.octets.size();
    }
    return sum;
}

script read_script(const std::string& path) {
    return reader(path).read();
}

std::vector<std::string> scripts_in(const std::string& folder) {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".md" && entry.path().stem() != "README") {
            found.push_back(entry.path().string());
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

bool can_be_played(const script& s) {
    static const std::map<std::string, bool> built{
        {"pipelining", feature::pipelining},
        {"chunking", feature::chunking},
        {"dsn", feature::dsn},
        {"smtputf8", feature::smtputf8},
        {"starttls", feature::starttls},
        {"lmtp", feature::lmtp},
        {"size", feature::size},
        {"queries", feature::queries},
        {"enhanced", feature::enhanced_status},
        {"mt-priority", feature::mt_priority},
    };
    return std::all_of(s.needs.begin(), s.needs.end(),
                       [](const std::string& need) { return one_of(built, need); });
}

} // namespace wire
