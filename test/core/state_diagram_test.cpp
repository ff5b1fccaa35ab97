#include "session_table.hpp"
#include "state_diagram.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace {

namespace table = postrider::session_table;
using postrider::session;

TEST(state_diagram, is_the_one_in_the_documents) {
    std::ifstream in(POSTRIDER_STATE_DIAGRAM);
    ASSERT_TRUE(in) << POSTRIDER_STATE_DIAGRAM << " is missing";
    std::ostringstream page;
    page << in.rdbuf();
    EXPECT_EQ(page.str(), wire::state_diagram())
        << "print it again: test/core/state_diagram > docs/state-diagram.md";
}

// From each state there is a way to the end, and each can be reached.
TEST(state_diagram, has_no_dead_ends_and_no_orphans) {
    std::uint32_t reached = 1U << static_cast<unsigned>(session::state::greeting);
    for (unsigned round = 0; round < table::states; ++round) {
        for (unsigned s = 0; s < table::states; ++s) {
            reached |= (reached >> s & 1U) != 0 ? table::rows[s].may_lead_to : 0;
        }
    }
    for (unsigned s = 0; s < table::states; ++s) {
        const auto state = static_cast<session::state>(s);
        EXPECT_TRUE((reached >> s & 1U) != 0 || state == session::state::closed) << s;
        EXPECT_TRUE(table::allows(state, session::state::closed));
        EXPECT_EQ(table::rows[s].may_lead_to == 0,
                  state == session::state::quit || state == session::state::closed)
            << s;
    }
}

// RFC 2920 3.1: these must be the last command of a group.
TEST(state_diagram, commands_that_end_a_group_let_nothing_follow) {
    using state = session::state;
    for (const state s : {state::ehlo, state::helo, state::starttls, state::auth, state::auth_response,
                          state::data, state::query, state::quit}) {
        EXPECT_FALSE(table::others_may_follow(s));
    }
    for (const state s : {state::rset, state::mail, state::rcpt, state::bdat}) {
        EXPECT_TRUE(table::others_may_follow(s));
    }
}

} // namespace
