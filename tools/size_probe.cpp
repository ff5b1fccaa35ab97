// size_probe.cpp - the size of each public object, as the size of an array: tools/size_report reads it back
// from the symbol table, so that no board is needed to ask.
#include "postrider/session.hpp"

extern "C" {
char sizeof_session[sizeof(postrider::session)];
char sizeof_session_config[sizeof(postrider::session_config)];
char sizeof_transaction[sizeof(postrider::transaction)];
char sizeof_recipient[sizeof(postrider::recipient)];
char sizeof_outcome[sizeof(postrider::outcome)];
char sizeof_mailbox[sizeof(postrider::mailbox)];
char sizeof_reply[sizeof(postrider::reply)];
char sizeof_capabilities[sizeof(postrider::capabilities)];
}
