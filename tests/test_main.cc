// The main of every test program, and the owner of their precompiled header.
#define BOOST_TEST_MODULE trit
#include <boost/test/unit_test.hpp>
