dnl Copyright (c) 2026 The dpdkzcrx authors.
dnl
dnl Licensed under the Apache License, Version 2.0 (the "License");
dnl you may not use this file except in compliance with the License.
dnl You may obtain a copy of the License at:
dnl
dnl     http://www.apache.org/licenses/LICENSE-2.0
dnl
dnl Unless required by applicable law or agreed to in writing, software
dnl distributed under the License is distributed on an "AS IS" BASIS,
dnl WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
dnl See the License for the specific language governing permissions and
dnl limitations under the License.

dnl ZCRX_MISSING(WHAT, PACKAGES)
dnl
dnl Notes that WHAT, which Debian's PACKAGES bring, was not found.  All that is
dnl missing is reported at once, by ZCRX_REPORT_MISSING.
AC_DEFUN([ZCRX_MISSING],
  [zcrx_missing="$zcrx_missing
  $1: $2"
   zcrx_packages="$zcrx_packages $2"])

AC_DEFUN([ZCRX_REPORT_MISSING],
  [if test -n "$zcrx_missing"; then
     AC_MSG_ERROR([not found (left), and the Debian package that brings it (right):
$zcrx_missing

Install what is missing, on Debian with
  apt-get install --no-install-recommends$zcrx_packages])
   fi])

dnl ZCRX_CHECK_TOOLS
dnl
dnl Finds the programs that building needs besides the compiler.
AC_DEFUN([ZCRX_CHECK_TOOLS],
  [AM_MISSING_PROG([AUTOM4TE], [autom4te])
   PKG_PROG_PKG_CONFIG
   if test -z "$PKG_CONFIG"; then
     ZCRX_MISSING([pkg-config], [pkg-config])
   fi

   AC_ARG_VAR([PYTHON3], [path to Python 3])
   AC_PATH_PROG([PYTHON3], [python3])
   if test -z "$PYTHON3"; then
     ZCRX_MISSING([Python 3], [python3])
   fi])

dnl ZCRX_CHECK_LIBRARIES
dnl
dnl Finds the libraries that the daemon is linked with.  Open vSwitch builds
dnl without libunbound as well, but then does not resolve host names: that
dnl must not depend on what happens to be installed.  (Debian's libunbound.pc
dnl asks for packages that libunbound-dev does not bring.)
AC_DEFUN([ZCRX_CHECK_LIBRARIES],
  [m4_define([zcrx_dpdk_version], [22.11])
   PKG_CHECK_MODULES([DPDK], [libdpdk >= zcrx_dpdk_version], [],
     [zcrx_found=`$PKG_CONFIG --modversion libdpdk 2>/dev/null`
      ZCRX_MISSING([DPDK zcrx_dpdk_version or newer${zcrx_found:+ (found: $zcrx_found)}],
                   [libdpdk-dev])])
   zcrx_unbound=no
   AC_CHECK_HEADER([unbound.h],
     [AC_CHECK_LIB([unbound], [ub_ctx_create], [zcrx_unbound=yes])])
   if test $zcrx_unbound = no; then
     ZCRX_MISSING([libunbound], [libunbound-dev])
   fi
   PKG_CHECK_MODULES([NUMA], [numa], [],
     [ZCRX_MISSING([libnuma], [libnuma-dev])])
   dnl Without it, there are no USDT probes.
   SDT_FLAGS=
   AC_CHECK_HEADER([sys/sdt.h], [SDT_FLAGS=-DHAVE_SYS_SDT_H])
   AC_SUBST([SDT_FLAGS])])

dnl ZCRX_CHECK_WERROR
AC_DEFUN([ZCRX_CHECK_WERROR],
  [AC_ARG_ENABLE(
     [Werror],
     [AS_HELP_STRING([--disable-Werror], [let the compiler's warnings pass])],
     [], [enable_Werror=yes])
   if test "$enable_Werror" != no; then
     WARNING_FLAGS="$WARNING_FLAGS -Werror"
   fi])

dnl ZCRX_ENABLE_OPTION(OPTION)
dnl
dnl Adds OPTION to WARNING_FLAGS if the C compiler accepts it.  -Werror makes
dnl clang refuse what it does not know.
AC_DEFUN([ZCRX_ENABLE_OPTION],
  [AS_VAR_PUSHDEF([zcrx_cache], [zcrx_cv_cc_option_$1])dnl
   AC_CACHE_CHECK([whether $CC accepts $1], [zcrx_cache],
     [zcrx_save_CFLAGS=$CFLAGS
      CFLAGS="$CFLAGS -Werror $1"
      AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
        [AS_VAR_SET([zcrx_cache], [yes])], [AS_VAR_SET([zcrx_cache], [no])])
      CFLAGS=$zcrx_save_CFLAGS])
   AS_VAR_IF([zcrx_cache], [yes], [WARNING_FLAGS="$WARNING_FLAGS $1"])
   AS_VAR_POPDEF([zcrx_cache])dnl
   AC_SUBST([WARNING_FLAGS])])

dnl _ZCRX_ARG_SANITIZER(NAME, SANITIZER, WHAT)
AC_DEFUN([_ZCRX_ARG_SANITIZER],
  [AC_ARG_ENABLE(
     [$1],
     [AS_HELP_STRING([--enable-$1], [compile with $3])],
     [], [enable_$1=no])
   if test "$enable_$1" != no; then
     zcrx_sanitize="$zcrx_sanitize${zcrx_sanitize:+,}$2"
   fi])

dnl ZCRX_CHECK_SANITIZERS
dnl
dnl Our objects are instrumented, those of Open vSwitch and DPDK are not.
AC_DEFUN([ZCRX_CHECK_SANITIZERS],
  [_ZCRX_ARG_SANITIZER([asan], [address], [AddressSanitizer])
   _ZCRX_ARG_SANITIZER([ubsan], [undefined], [UndefinedBehaviorSanitizer])
   _ZCRX_ARG_SANITIZER([tsan], [thread],
                       [ThreadSanitizer, for the unit programs])
   SANITIZE_FLAGS=
   if test -n "$zcrx_sanitize"; then
     SANITIZE_FLAGS="-fsanitize=$zcrx_sanitize -fno-omit-frame-pointer"
     AC_MSG_CHECKING([whether $CC links with $SANITIZE_FLAGS])
     zcrx_save_CFLAGS=$CFLAGS
     CFLAGS="$CFLAGS $SANITIZE_FLAGS"
     AC_LINK_IFELSE([AC_LANG_PROGRAM()],
       [AC_MSG_RESULT([yes])],
       [AC_MSG_RESULT([no])
        AC_MSG_ERROR([$CC cannot link with $SANITIZE_FLAGS (with clang, Debian's libclang-rt-dev brings the sanitizers)])])
     CFLAGS=$zcrx_save_CFLAGS
   fi
   if test "$enable_tsan" != no; then
     dnl gcc warns of fences, which ThreadSanitizer does not see.
     ZCRX_ENABLE_OPTION([-Wno-tsan])
   fi
   AC_SUBST([SANITIZE_FLAGS])])
