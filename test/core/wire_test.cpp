// Every wire script of test/wire, played whole, line by line and octet by octet in both directions; then
// broken at every octet of the dialogue, and disturbed by replies that nobody asked for.
#include "player.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

namespace {

using namespace postrider;
using namespace wire;

// The scripts that the engine under test is built for. One that cannot be read stays in: its test says why.
std::vector<std::string> playable() {
    std::vector<std::string> all = scripts_in(POSTRIDER_WIRE_SCRIPTS);
    constexpr bool complete = feature::pipelining && feature::chunking && feature::dsn && feature::smtputf8 &&
                              feature::starttls && feature::lmtp && feature::size && feature::queries &&
                              feature::enhanced_status && feature::mt_priority;
    if (!complete) {
        std::erase_if(all, [](const std::string& path) {
            try {
                return !can_be_played(read_script(path));
            } catch (const std::exception&) {
                return false;
            }
        });
    }
    return all;
}

const std::vector<std::string>& paths() {
    static const std::vector<std::string> all = playable();
    return all;
}

std::string joined(const std::vector<std::string>& problems) {
    std::string all;
    for (const std::string& p : problems) {
        all += p + "\n";
    }
    return all;
}

class wire_script : public testing::TestWithParam<std::string> {
  protected:
    void SetUp() override { script_ = read_script(GetParam()); }
    script script_;
};

TEST_P(wire_script, gives_the_outcome_however_octets_are_cut) {
    for (const auto in : {pace::input::groups, pace::input::lines, pace::input::octets}) {
        for (const auto out :
             {pace::output::at_once, pace::output::octets, pace::output::gathered, pace::output::dripped}) {
            player p(script_, {in, out});
            p.play();
            if (p.problems().empty()) {
                p.check_outcome();
                p.check_claims(errc::ok);
            }
            ASSERT_TRUE(p.problems().empty())
                << "pace " << static_cast<int>(in) << static_cast<int>(out) << '\n'
                << joined(p.problems());
        }
    }
}

// Where to break it: at every octet; in a very long dialogue every so many, and every one of the last.
std::vector<std::size_t> places(const script& s) {
    constexpr std::size_t enough = 1500;
    constexpr std::size_t last = 64;
    const std::size_t length = s.length();
    const std::size_t stride = 1 + length / enough;
    std::vector<std::size_t> all;
    for (std::size_t at = 0; at < length;
         at += at + last < length ? std::min(stride * stride, length / 50 + 1) : 1) {
        all.push_back(at);
    }
    return all;
}

// After the break: the session is closed, says why, and claims about each recipient what the line allows.
void expect_broken(player& p, const script& s, errc why, bool quitting) {
    const want w = p.session().next(p.now);
    ASSERT_EQ(w, want::closed) << "at octet " << p.position();
    const errc e = p.session().error();
    const bool settled_before = e == s.error && (quitting || s.error != errc::ok);
    EXPECT_TRUE(e == why || settled_before) << name(e) << " at octet " << p.position();
    p.check_claims(why);
    ASSERT_TRUE(p.problems().empty()) << joined(p.problems());
}

using output = pace::output;

TEST_P(wire_script, survives_a_cut_at_every_octet) {
    for (const std::size_t at : places(script_)) {
        for (const auto out : {output::at_once, output::gathered}) {
            player p(script_, {pace::input::groups, out});
            p.play(at);
            ASSERT_TRUE(p.problems().empty()) << joined(p.problems());
            const bool quitting = p.only_quit_left();
            p.session().lost(errc::connection_lost);
            expect_broken(p, script_, errc::connection_lost, quitting);
        }
    }
}

// The peer's reset throws away what was taken and not yet on the line.
TEST_P(wire_script, survives_a_reset_at_every_octet) {
    for (const std::size_t at : places(script_)) {
        player p(script_, {pace::input::groups, output::at_once});
        p.play(at);
        const bool quitting = p.only_quit_left();
        p.take_without_handing();
        p.session().lost(errc::cancelled);
        expect_broken(p, script_, errc::cancelled, quitting);
    }
}

TEST_P(wire_script, gives_up_at_the_deadline_at_every_octet) {
    for (const std::size_t at : places(script_)) {
        for (const auto out : {output::at_once, output::gathered}) {
            player p(script_, {pace::input::groups, out});
            p.play(at);
            ASSERT_TRUE(p.problems().empty()) << joined(p.problems());
            const bool quitting = p.only_quit_left();
            const want w = p.session().next(p.now);
            if (w == want::closed || w == want::ready || w == want::content) {
                continue; // nothing is awaited from the line
            }
            ASSERT_NE(p.session().deadline(), never) << "at octet " << at;
            const instant deadline = p.session().deadline();
            ASSERT_NE(p.session().next(deadline - 1), want::closed) << "too early, at octet " << at;
            ASSERT_EQ(p.session().deadline(), deadline) << "asking moved the deadline, at octet " << at;
            p.now = deadline;
            expect_broken(p, script_, errc::timed_out, quitting);
        }
    }
}

// A reply inserted where nothing is owed ends the session at once; inserted elsewhere it cannot be told from
// the server's own, and still nothing is claimed that the line does not bear out.
TEST_P(wire_script, is_not_fooled_by_an_inserted_reply) {
    for (const std::string_view extra : {"250 2.0.0 extra\r\n", "354 extra\r\n", "550 extra\r\n",
                                         "421 extra\r\n", "235 extra\r\n", "2", "250-extra\r\n"}) {
        for (const std::size_t at : places(script_)) {
            player p(script_, {pace::input::lines, output::at_once});
            p.play(at);
            ASSERT_TRUE(p.problems().empty()) << joined(p.problems());
            p.session().next(p.now);
            if (p.session().is_closed() || !p.between_server_lines()) {
                continue;
            }
            const bool nothing_owed = p.audit().nothing_owed();
            const bool quitting = p.only_quit_left();
            p.inject(extra);
            if (nothing_owed && !quitting && extra.size() > 12) {
                ASSERT_TRUE(p.session().is_closed()) << extra << " at octet " << at;
                const errc e = p.session().error();
                EXPECT_TRUE(
                    e == errc::unsolicited_reply || e == errc::starttls_injection ||
                    e == (extra.starts_with("421") ? errc::service_closing : errc::unsolicited_reply) ||
                    (e == errc::content_refused && p.audit().amid_content()) || e == script_.error)
                    << name(e) << " after " << extra << " at octet " << at;
            }
            p.play_on_blindly();
            p.check_claims(errc::connection_lost);
            ASSERT_TRUE(p.problems().empty()) << extra << " at octet " << at << '\n' << joined(p.problems());
        }
    }
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
    std::string n = info.param.substr(info.param.rfind('/') + 1);
    n.resize(n.size() - 3);
    std::replace_if(
        n.begin(), n.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
    return n;
}

INSTANTIATE_TEST_SUITE_P(all, wire_script, testing::ValuesIn(paths()), test_name);

} // namespace
