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

dnl The sed command that prints the version out of Open vSwitch's configure.ac
dnl (autoconf takes a whole "AC_" in "configure" for a macro that it lacks).
m4_define([_ZCRX_OVS_VERSION_SED],
  [['s/^.C_INIT(openvswitch, *\([^,]*\),.*/\1/p']])

dnl _ZCRX_FILTER_ARGS
dnl
dnl Sets OVS_CONFIGURE_ARGS to the arguments of this configure, quoted for the
dnl shell, without those that only this configure knows: what concerns both,
dnl such as --prefix, --localstatedir, --with-rundir, CC or CFLAGS, must be the
dnl same in both.
m4_define([_ZCRX_FILTER_ARGS],
  [OVS_CONFIGURE_ARGS="'--prefix=$zcrx_prefix'"
   eval "set x $ac_configure_args"
   shift
   for zcrx_arg
   do
     case $zcrx_arg in #(
     --with-ovs-* | --with-dpdk* | --without-dpdk) ;; #(
     --enable-asan* | --enable-ubsan* | --enable-tsan*) ;; #(
     --disable-asan | --disable-ubsan | --disable-tsan) ;; #(
     --enable-silent-rules* | --disable-silent-rules) ;; #(
     --enable-Werror* | --disable-Werror) ;; #(
     --cache-file=* | --config-cache | -C | --srcdir=*) ;; #(
     --quiet | --silent | --no-create | --no-recursion) ;; #(
     *)
       zcrx_arg=`AS_ECHO(["$zcrx_arg"]) | sed "s/'/'\\\\\\\\''/g"`
       AS_VAR_APPEND([OVS_CONFIGURE_ARGS], [" '$zcrx_arg'"]) ;;
     esac
   done])

dnl ZCRX_CHECK_OVS
dnl
dnl Finds Open vSwitch: its source, to be built in this build folder by
dnl build-aux/ovs-build, or a build of it that is there already.
AC_DEFUN([ZCRX_CHECK_OVS],
  [m4_define([zcrx_ovs_tarball], [/usr/src/openvswitch/openvswitch.tar.gz])
   m4_define([zcrx_ovs_folder], [/usr/src/openvswitch])
   AC_ARG_WITH(
     [ovs-source],
     [AS_HELP_STRING([--with-ovs-source=DIR|TARBALL],
        [Open vSwitch's source @<:@]zcrx_ovs_tarball[@:>@])],
     [], [with_ovs_source=])
   AC_ARG_WITH(
     [ovs-build],
     [AS_HELP_STRING([--with-ovs-build=DIR],
        [a build folder of Open vSwitch, configured with DPDK, to use instead
         of building its source])],
     [], [with_ovs_build=])

   AC_MSG_CHECKING([for Open vSwitch])
   ovs_version=
   OVS_SOURCE=
   zcrx_pwd=`pwd`
   OVS_SRCDIR=$zcrx_pwd/ovs/src
   OVS_BUILDDIR=$zcrx_pwd/ovs/build
   case $with_ovs_source:$with_ovs_build in #(
   yes:* | no:* | *:yes | *:no)
     AC_MSG_ERROR([--with-ovs-source and --with-ovs-build need a path]) ;; #(
   ?*:?*)
     AC_MSG_ERROR([--with-ovs-source and --with-ovs-build exclude each other]) ;;
   esac

   if test -n "$with_ovs_build"; then
     OVS_BUILDDIR=`cd "$with_ovs_build" 2>/dev/null && pwd`
     if test ! -f "$OVS_BUILDDIR/vswitchd/ovs-vswitchd"; then
       AC_MSG_ERROR([--with-ovs-build=$with_ovs_build: no Open vSwitch has been built there])
     fi
     if grep '^#define DPDK_NETDEV 1' "$OVS_BUILDDIR/config.h" >/dev/null; then :; else
       AC_MSG_ERROR([--with-ovs-build=$with_ovs_build: built without --with-dpdk])
     fi
     OVS_SRCDIR=`sed -n 's/^abs_top_srcdir = //p' "$OVS_BUILDDIR/Makefile"`
     ovs_version=`sed -n _ZCRX_OVS_VERSION_SED "$OVS_SRCDIR/configure.ac"`
     AC_MSG_RESULT([$ovs_version, built in $OVS_BUILDDIR])
   else
     OVS_SOURCE=${with_ovs_source:-zcrx_ovs_tarball}
     dnl The package has a folder since version 3.3.
     if test -z "$with_ovs_source" && test ! -f "$OVS_SOURCE" \
        && test -f zcrx_ovs_folder/configure.ac; then
       OVS_SOURCE=zcrx_ovs_folder
     fi
     if test -d "$OVS_SOURCE"; then
       OVS_SOURCE=`cd "$OVS_SOURCE" && pwd`
       if test -f "$OVS_SOURCE/configure.ac"; then
         ovs_version=`sed -n _ZCRX_OVS_VERSION_SED "$OVS_SOURCE/configure.ac"`
       fi
       if test -f "$OVS_SOURCE/config.status"; then
         AC_MSG_ERROR([$OVS_SOURCE has been configured in place: run "make distclean" there first, or give it as --with-ovs-build])
       fi
     elif test -f "$OVS_SOURCE"; then
       case $OVS_SOURCE in #(
         /*) ;; #(
         *) OVS_SOURCE=$zcrx_pwd/$OVS_SOURCE ;;
       esac
       ovs_version=`tar -xOf "$OVS_SOURCE" --wildcards '*/configure.ac' 2>/dev/null | sed -n _ZCRX_OVS_VERSION_SED`
     elif test -n "$with_ovs_source"; then
       AC_MSG_RESULT([no])
       AC_MSG_ERROR([--with-ovs-source=$with_ovs_source: no such file or folder])
     fi
     if test -n "$ovs_version"; then
       AC_MSG_RESULT([$ovs_version, source $OVS_SOURCE])
     elif test -e "$OVS_SOURCE"; then
       AC_MSG_RESULT([no])
       AC_MSG_ERROR([$OVS_SOURCE is not a source tree of Open vSwitch])
     else
       AC_MSG_RESULT([no])
       ZCRX_MISSING([Open vSwitch's source ($OVS_SOURCE, or give --with-ovs-source)],
                    [openvswitch-source])
     fi
   fi

   zcrx_prefix=$prefix
   test "$zcrx_prefix" != NONE || zcrx_prefix=$ac_default_prefix
   _ZCRX_FILTER_ARGS
   AC_SUBST([OVS_SOURCE])
   AC_SUBST([OVS_SRCDIR])
   AC_SUBST([OVS_BUILDDIR])
   AC_SUBST([OVS_CONFIGURE_ARGS])
   AM_CONDITIONAL([OVS_BUILD_OWN], [test -z "$with_ovs_build"])])
